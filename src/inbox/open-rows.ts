import type { StripeAccess } from '../installation/stripe-connection.js';
import type { Queryable } from '../storage/database.js';
import { isLongAgo } from '../storage/due.js';

/** Which open rows are asked about. */
export interface RowQuestion {
  readonly livemode: boolean;
  readonly account: string;
  /**
   * Every open row, those without a Stripe id included; otherwise those with one that are older than a few minutes, and the older
   * a row is, the seldomer it is asked about: each time its age has grown by a tenth.
   */
  readonly everyRow: boolean;
  /** Rows with an id above it; pages go on from the last one. */
  readonly after: string;
}

/** The open rows of one noun, and the question to Stripe about one of them. */
export interface OpenRows<Row extends { readonly id: string } = { readonly id: string }> {
  /** In words, as it is told of: `payment`. */
  readonly kind: string;
  /** A page of open rows, by id. */
  read(question: RowQuestion): Promise<Row[]>;
  /**
   * Asks Stripe about the row and applies its present state, as a webhook would. Gives the Stripe id that was asked for, null
   * for a row that Stripe can't be asked about: it has no id yet. A row that moved meanwhile is left alone: it has just been
   * told of. Twice changes nothing more.
   */
  ask(row: Row, access: StripeAccess): Promise<string | null>;
}

/** A noun's table as the questions need it. */
export interface OpenTable {
  /** `tollgate.payment p`. */
  readonly table: string;
  readonly alias: string;
  readonly columns: string;
  /** The condition that a row is open. */
  readonly open: string;
  /** The columns of Stripe's ids; a row with one can be asked about. */
  readonly ids: readonly string[];
}

const PAGE = 100;
const OLD_ENOUGH = `interval '5 minutes'`;

/** `seen_at` is Stripe's time of what was last heard or asked. */
const isOld = (alias: string): string => {
  const tenth = `greatest(${OLD_ENOUGH}, (now() - ${alias}.created_at) / 10)`;
  return `${isLongAgo(`${alias}.created_at`, OLD_ENOUGH)} and ${isLongAgo(`greatest(${alias}.seen_at, ${alias}.updated_at)`, tenth)}`;
};

const isAskedAbout = (alias: string): string => `${alias}.id > $1::bigint and ${alias}.livemode = $2
  and ${alias}.stripe_account = $3 and ($4 or (${isOld(alias)}))`;

/** Reads a page of a noun's open rows, by id. */
export const readOpenRows = <Row extends object>(
  on: Queryable,
  { table, alias, columns, open, ids }: OpenTable,
  { after, livemode, account, everyRow }: RowQuestion,
): Promise<Row[]> =>
  on.query<Row>({
    text: `select ${columns} from ${table} ${alias}
      where ${open} and ($4 or coalesce(${ids.join(', ')}) is not null) and ${isAskedAbout(alias)}
      order by id limit ${PAGE}`,
    values: [after, livemode, account, everyRow],
  });
