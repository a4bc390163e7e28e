import pg from 'pg';
import { ConnectionError, connectionOf, isLent } from './connection.js';
import { type LentClient, lentClient } from './lent-client.js';

/**
 * What a role's or database's own settings could turn against us: operators and functions of PostgreSQL's that someone made
 * again in a schema that is searched first, and dates in a form that is read wrongly. Named in full for the same reason.
 */
const ownSettings = (scope: 'session' | 'transaction'): string => {
  const isLocal = scope === 'transaction';
  return `select pg_catalog.set_config('datestyle', 'ISO', ${isLocal}), pg_catalog.set_config('search_path',
  case when pg_catalog.strpos(pg_catalog.current_setting('search_path'), 'pg_catalog') operator(pg_catalog.>) 0
    then pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path'))
    else pg_catalog.current_setting('search_path') end, ${isLocal})`;
};

const OWN_SETTINGS = ownSettings('session');

/** The first statement of each transaction where a pooler lends connections: what is set for a session would stay on it. */
export const TRANSACTION_SETTINGS = ownSettings('transaction');

/** Makes a new connection read our statements as we wrote them. */
export const settleSession = async (client: pg.ClientBase): Promise<void> => {
  await client.query(OWN_SETTINGS);
};

/** How the connections of a pool, or one alone, are made and settled: for a session, or for each transaction. */
export const sessionOf = (
  url: string,
): { readonly Client: LentClient } | { readonly onConnect: (client: pg.ClientBase) => Promise<void> } =>
  isLent(url) ? { Client: lentClient({ text: TRANSACTION_SETTINGS }) } : { onConnect: settleSession };

/** Makes a connection of its own, open and settled; whoever asked ends it. */
export const openClient = async (url: string, application: string): Promise<pg.Client> => {
  const options = { ...connectionOf(url), application_name: application };
  const client = isLent(url) ? new (lentClient({ text: TRANSACTION_SETTINGS }))(options) : new pg.Client(options);
  client.on('error', () => undefined);
  await client.connect();
  if (!isLent(url)) await settleSession(client);
  return client;
};

const pidOf = async (client: pg.ClientBase): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as "pid"');
  return rows[0]?.pid ?? 0;
};

/** The process that the connection was told to be with; a pooler tells of none, and makes one up. */
const toldPidOf = (client: pg.ClientBase): unknown => Reflect.get(client, 'processID');

const refuse = (): never => {
  throw new ConnectionError(
    'leads to a connection pooler that changes the connection between statements (PgBouncer: pool_mode = transaction or statement)',
    "Set DATABASE_POOLER=transaction if it changes them between transactions, or give PostgreSQL's own address or a database of the pooler with pool_mode = session.",
  );
};

const PATIENCE_MS = 2_000;

/** Undefined where nothing came in time. */
const inTime = async <T>(work: Promise<T>): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

/** The process that a new transaction is with; undefined where there is no room for another session. */
const beginOn = async (neighbour: pg.Client): Promise<number | undefined> => {
  const isIn = await neighbour.connect().then(
    () => true,
    () => false,
  );
  if (!isIn) return undefined;
  // Where connections are lent by the statement, a transaction is refused.
  await neighbour.query('begin').catch(refuse);
  return pidOf(neighbour);
};

/** More than one only where a pooler takes turns among its connections. */
const NEIGHBOURS = 3;

/**
 * Asks a new connection whether it keeps its process of the server: while it rests, others open a transaction. A pooler
 * that lends connections by the transaction gives one of them the process, or the next statement another.
 *
 * @throws ConnectionError where it does not
 */
export const assertOwnSession = async (client: pg.ClientBase, url: string): Promise<void> => {
  const pid = await pidOf(client);
  if (pid === toldPidOf(client)) return;
  const neighbours: pg.Client[] = [];
  try {
    while (neighbours.length < NEIGHBOURS) {
      const neighbour = new pg.Client({ ...connectionOf(url), application_name: 'tollgate' });
      neighbour.on('error', () => undefined);
      neighbours.push(neighbour);
      const other = await inTime(beginOn(neighbour));
      if (other === pid || (await pidOf(client)) !== pid) refuse();
      // No room for another session: the pooler keeps one for each client.
      if (other === undefined) return;
    }
  } finally {
    await Promise.all(neighbours.map((neighbour) => inTime(neighbour.end().catch(() => undefined))));
  }
};
