import type { Database, Queryable, Statement, Tx } from '../storage/database.js';

/** Reads what is stored under a subject; undefined when nothing is. */
export const readSetting = async (on: Queryable, key: string): Promise<unknown> => {
  const [row] = await on.query<{ value: unknown }>({
    name: 'setting_read',
    text: 'select value from tollgate.setting where key = $1',
    values: [key],
  });
  return row?.value;
};

/** Replaces what is stored under a subject by what `change` makes of it; two that write at once take turns. */
export const changeSetting = async <T>(
  tx: Tx,
  key: string,
  change: (value: unknown) => T,
): Promise<{ readonly before: unknown; readonly after: T }> => {
  await tx.query({ text: `select pg_advisory_xact_lock(hashtext('tollgate setting ' || $1::text))`, values: [key] });
  const before = await readSetting(tx, key);
  const after = change(before);
  await tx.query({
    text: `insert into tollgate.setting (key, value) values ($1, $2::jsonb)
      on conflict (key) do update set value = excluded.value, updated_at = now()`,
    values: [key, JSON.stringify(after)],
  });
  return { before, after };
};

/**
 * Replaces what is stored under a subject by what `change` makes of it, and gives that. Two that write at once take
 * turns; `change` may run again after a deadlock, so it has no effect of its own. `record` is kept in the same transaction.
 */
export const updateSetting = <T>(
  database: Database,
  key: string,
  change: (value: unknown) => T,
  record?: Statement,
): Promise<T> =>
  database.transaction(async (tx) => {
    const { after } = await changeSetting(tx, key, change);
    if (record) tx.send(record);
    return after;
  });
