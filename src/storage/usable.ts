import { wordsOf } from '../core/errors.js';
import { ConnectionError } from './connection.js';
import type { Queryable } from './database.js';
import { findLackingRights, grantingRemedy, isForbidden, readRole } from './rights.js';

/** The oldest PostgreSQL that knows everything that is asked of it. */
export const OLDEST_VERSION = 15;

const UNKNOWN_AUTHORITY = /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/;

/** The remedy by Node's TLS error code and PostgreSQL's; both messages say what happened. */
const remedyOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words = wordsOf(error);
  if (UNKNOWN_AUTHORITY.test(code))
    return "Name the PEM file of the authority that signed the server's certificate with sslrootcert=… in the address.";
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return "Use the host's name that the certificate is for, or sslmode=verify-ca, which leaves names alone.";
  if (words.includes('does not support SSL'))
    return 'Switch TLS on at the server, or use sslmode=disable where the network is trusted.';
  if (/no pg_hba\.conf entry.*no encryption/.test(words))
    return 'The server wants TLS: use sslmode=verify-full with sslrootcert, or sslmode=require.';
  return "Check that the server runs, and the address, the database's name, the user and the password.";
};

/**
 * Asks whether the product can work on this database at all.
 *
 * @throws ConnectionError when it does not answer, does not let us in, is behind a pooler that changes connections, is too
 *   old, or takes no writes
 */
export const assertUsable = async (database: Queryable): Promise<void> => {
  const [row] = await database
    .query<{ version: number; standby: boolean; readOnly: boolean }>({
      text: `select current_setting('server_version_num')::int / 10000 as "version", pg_is_in_recovery() as "standby",
        current_setting('transaction_read_only')::boolean as "readOnly"`,
    })
    .catch((error: unknown) => {
      if (error instanceof ConnectionError) throw error;
      throw new ConnectionError(`leads to no database that lets us in: ${wordsOf(error)}`, remedyOf(error));
    });
  if (!row) throw new ConnectionError('leads to a server that answers nothing', 'Give the address of a PostgreSQL.');
  if (row.version < OLDEST_VERSION)
    throw new ConnectionError(`leads to a PostgreSQL ${row.version}`, `Use PostgreSQL ${OLDEST_VERSION} or newer.`);
  if (row.standby)
    throw new ConnectionError('leads to a standby, which takes no writes', "Give the primary server's address.");
  if (row.readOnly)
    throw new ConnectionError(
      'leads to a database or role whose transactions are read-only',
      'Give it writes: alter role … reset default_transaction_read_only, and the same for the database.',
    );
};

/** By the catalogs: they answer a role without any right too. */
export const HAS_TABLES = `select from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'tollgate' and c.relname = 'migration'`;

/**
 * Whether Tollgate's tables are there.
 *
 * @throws ConnectionError where they are, and this role may not read them
 */
export const hasTables = async (database: Queryable): Promise<boolean> => {
  if ((await database.query({ text: HAS_TABLES })).length === 0) return false;
  try {
    await database.query({ text: 'select from tollgate.migration, tollgate.setting limit 0' });
    return true;
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const role = await readRole(database);
    throw new ConnectionError(
      `leads to Tollgate's tables, which the role ${role} may not read: ${wordsOf(error)}`,
      grantingRemedy(role),
    );
  }
};

/**
 * Does all that a server does with Tollgate's tables, on no row.
 *
 * @throws ConnectionError with every right that this role lacks, and what gives them
 */
export const assertRights = async (database: Queryable): Promise<void> => {
  const lacking = await findLackingRights(database);
  if (lacking.length === 0) return;
  const role = await readRole(database);
  throw new ConnectionError(
    `has the role ${role}, which may not do what the server does: ${lacking.join(', ')}`,
    grantingRemedy(role),
  );
};
