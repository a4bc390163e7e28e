import { ConnectionError } from './connection.js';
import type { Database, Queryable, Tx } from './database.js';

/**
 * The number of this release, one more than that of the one before. A server works on the tables of its own release and of the
 * next, so that the two run side by side during an upgrade: each release's migrations leave what its predecessor reads and writes.
 */
export const RELEASE = 1;

const KEY = 'release';

/** The release whose migrations were the newest on this database; a database of before releases were counted is of the first. */
const readRelease = async (on: Queryable): Promise<number> => {
  // Without the table nothing was noted, and whoever asks has other things to tell of it.
  const [table] = await on.query<{ there: boolean }>({
    text: `select to_regclass('tollgate.setting') is not null as "there"`,
  });
  if (!table?.there) return 1;
  const [row] = await on.query<{ release: number }>({
    text: `select (value #>> '{}')::integer as "release" from tollgate.setting where key = $1`,
    values: [KEY],
  });
  return row?.release ?? 1;
};

/** Whether a newer release has migrated the database: then only that one knows how its tables should be. */
export const isOfNewerRelease = async (on: Queryable): Promise<boolean> => (await readRelease(on)) > RELEASE;

/** Notes that this release has migrated the database; twice, or after a newer one, changes nothing. */
export const writeRelease = (database: Database): Promise<void> =>
  database.transaction(async (tx: Tx) => {
    tx.send({
      text: `insert into tollgate.setting as s (key, value) values ($1, to_jsonb($2::integer))
        on conflict (key) do update set value = excluded.value, updated_at = now() where (s.value #>> '{}')::integer < $2`,
      values: [KEY, RELEASE],
    });
  });

/** @throws ConnectionError where the database is two releases ahead: this one does not know what its columns mean */
export const assertRelease = async (on: Queryable): Promise<void> => {
  const release = await readRelease(on);
  if (release <= RELEASE + 1) return;
  throw new ConnectionError(
    `leads to a database of release ${release}, and this is release ${RELEASE}: a server works on the tables of its own release and of the next`,
    'Run the release that the database is of, or the one before it; docs/upgrading.md says more.',
  );
};
