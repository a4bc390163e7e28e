import type { Queryable } from '../storage/database.js';

/** Where a noun's open rows stand. */
export interface OpenIn {
  readonly table: string;
  /** The condition that a row is open. */
  readonly open: string;
  /** As their number is told: `recurringPayments`. */
  readonly countedAs: string;
}

/** Rows that wait for something of an account or mode that the keys in force don't reach. */
export interface OpenRows {
  readonly livemode: boolean;
  readonly account: string;
  /** How many, by kind. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Counts the open rows of every other mode and account; none: an empty list. */
export const countOpenElsewhere = async (
  on: Queryable,
  nouns: readonly OpenIn[],
  { livemode, account }: { readonly livemode: boolean; readonly account: string },
): Promise<OpenRows[]> => {
  const counted = nouns.map(
    ({ table, open, countedAs }) =>
      `select livemode, stripe_account, '${countedAs}' as kind, count(*)::integer as rows from ${table} where ${open} group by 1, 2`,
  );
  const found = await on.query<OpenRows>({
    text: `with counted as (${counted.join(' union all ')})
      select livemode, stripe_account as "account", json_object_agg(kind, rows) as "counts"
      from counted where (livemode, stripe_account) is distinct from ($1::boolean, $2::text)
      group by livemode, stripe_account order by livemode, stripe_account`,
    values: [livemode, account],
  });
  const none = Object.fromEntries(nouns.map(({ countedAs }) => [countedAs, 0]));
  return found.map((rows) => ({ ...rows, counts: { ...none, ...rows.counts } }));
};
