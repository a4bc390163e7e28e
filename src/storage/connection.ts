import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/** How pg, TypeORM and the queue reach the database. */
export interface Connection {
  /** The address without what says how to encrypt. */
  readonly connectionString: string;
  /** False: in plain text. Left out: the address doesn't say, so PGSSLMODE may. */
  readonly ssl?: ConnectionOptions | false;
}

/** The address can't be used; the message says why, without the address itself. */
export class ConnectionError extends Error {
  constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}. ${remedy}`);
    this.name = 'ConnectionError';
  }
}

/** Written into the address by DATABASE_POOLER, so that whoever connects knows. */
const POOLER = 'pooler';

/** The address of a database behind a pooler that lends a connection for one transaction at a time. */
export const lentAddress = (address: string): string => {
  const url = new URL(address);
  url.searchParams.set(POOLER, 'transaction');
  return url.href;
};

/** Whether each transaction may get another session: nothing that belongs to a session may be used. */
export const isLent = (address: string): boolean => new URL(address).searchParams.get(POOLER) === 'transaction';

/** Ours, and no longer in the address: pg would read them in its own way. */
const PARAMETERS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'uselibpqcompat'] as const;
type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

const readFile = (parameter: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConnectionError(
      `names a file by ${parameter} that can't be read (${code})`,
      'Give the path of a PEM file that this process may read.',
    );
  }
};

/** A chain is checked against the given authorities, `system` and nothing against Node's own list. */
const authorities = ({ sslrootcert }: Parameters): ConnectionOptions =>
  sslrootcert === undefined || sslrootcert === 'system' ? {} : { ca: readFile('sslrootcert', sslrootcert) };

const ENCRYPTED: ConnectionOptions = { rejectUnauthorized: false };

const checked = (parameters: Parameters): ConnectionOptions => ({
  ...authorities(parameters),
  rejectUnauthorized: true,
});

/** The chain counts, whatever name the certificate is for. */
const chainChecked = (parameters: Parameters): ConnectionOptions => ({
  ...checked(parameters),
  checkServerIdentity: () => undefined,
});

const mayFallBack = (mode: string) => (): never => {
  throw new ConnectionError(
    `has sslmode=${mode}, which may go on in plain text without a word`,
    'Use sslmode=verify-full with sslrootcert, or require; disable where the network is trusted.',
  );
};

/**
 * What each mode means here: as in libpq, save that none falls back to plain text.
 *
 * Source: PostgreSQL docs, "SSL Support", SSL mode descriptions.
 */
const MODES: Readonly<Record<string, (parameters: Parameters) => ConnectionOptions | false>> = {
  disable: () => false,
  allow: mayFallBack('allow'),
  prefer: mayFallBack('prefer'),
  'no-verify': () => ENCRYPTED,
  require: (parameters) => (parameters.sslrootcert === undefined ? ENCRYPTED : chainChecked(parameters)),
  'verify-ca': (parameters) => {
    if (parameters.sslrootcert === undefined || parameters.sslrootcert === 'system')
      throw new ConnectionError(
        'has sslmode=verify-ca without an authority of its own, so anyone with a bought certificate would pass',
        'Name its PEM file with sslrootcert, or use sslmode=verify-full.',
      );
    return chainChecked(parameters);
  },
  'verify-full': checked,
};

/** `ssl=` is pg's own way to say it. */
const SSL: Readonly<Record<string, string>> = {
  true: 'verify-full',
  '1': 'verify-full',
  false: 'disable',
  '0': 'disable',
  'no-verify': 'no-verify',
};

const modeOf = ({ sslmode, ssl, sslrootcert }: Parameters): string | undefined => {
  const mode = sslmode ?? (ssl === undefined ? undefined : SSL[ssl]);
  if (mode === undefined && ssl !== undefined)
    throw new ConnectionError('has an ssl that does not exist', 'Use sslmode instead.');
  return mode ?? (sslrootcert === undefined ? undefined : 'verify-full');
};

const readSsl = (parameters: Parameters): ConnectionOptions | false | undefined => {
  const name = modeOf(parameters);
  if (name === undefined) return undefined;
  const mode = MODES[name];
  if (!mode)
    throw new ConnectionError('has an sslmode that does not exist', `Use one of: ${Object.keys(MODES).join(', ')}.`);
  const ssl = mode(parameters);
  const { sslcert, sslkey, sslpassword } = parameters;
  return (
    ssl && {
      ...ssl,
      ...(sslcert !== undefined && { cert: readFile('sslcert', sslcert) }),
      ...(sslkey !== undefined && { key: readFile('sslkey', sslkey) }),
      ...(sslpassword !== undefined && { passphrase: sslpassword }),
    }
  );
};

/**
 * Reads how to reach the database from its address, client certificate and authorities included.
 *
 * @throws ConnectionError for a mode that does not exist or is not taken, or a file that can't be read
 */
export const connectionOf = (address: string): Connection => {
  const url = new URL(address);
  const parameters: Parameters = {};
  for (const name of PARAMETERS) {
    const value = url.searchParams.get(name);
    if (value !== null && value !== '') parameters[name] = value;
    url.searchParams.delete(name);
  }
  url.searchParams.delete(POOLER);
  const ssl = readSsl(parameters);
  return { connectionString: url.href, ...(ssl !== undefined && { ssl }) };
};
