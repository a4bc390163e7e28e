import pg from 'pg';
import { createSlots } from '../core/slots.js';
import { busyOr } from './busy.js';
import { connectionOf, isLent } from './connection.js';
import { lentClient } from './lent-client.js';
import { assertOwnSession, settleSession, TRANSACTION_SETTINGS } from './session.js';
import { createStatementNames } from './statement-names.js';
import { createTransaction, type ExtendedQuery } from './transaction.js';

/** One SQL statement; a named one is prepared once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Something that answers statements. `bigint` columns come as numbers: cast keys to text. */
export interface Queryable {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}

/** A running transaction. Statements that are not awaited travel together in one round trip. */
export interface Tx extends Queryable {
  /** Sends without waiting: the commit waits for it, and a failure rolls everything back. */
  send(statement: Statement): void;
  /** Runs the work once the transaction is committed, and never where it is rolled back; the work must not throw. */
  afterCommit(work: () => void): void;
}

/** The database of the hot path and of everything that locks; entities (see data-source.ts) serve ordinary reads. */
export interface Database extends Queryable {
  /**
   * Runs the work in one transaction and commits; any throw rolls back. After a deadlock or serialization failure the
   * whole work runs again, up to three times, so it must have no effect outside the transaction.
   *
   * @param about what it waits for a lock of, such as an order: few about the same run at once, so that a lock which someone
   *   keeps holds up no other work
   * @throws UnavailableError when it could not begin in time, waited too long for a lock, or lost to others each time
   */
  transaction<T>(work: (tx: Tx) => Promise<T>, about?: string): Promise<T>;
  /** Waits for running work, for a bounded time. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Where a pooler lends connections (`lentAddress`), nothing of a session is used. */
  readonly url: string;
  readonly poolSize?: number;
  /** A statement that takes longer fails. */
  readonly statementTimeoutMs?: number;
  readonly onError?: (error: Error) => void;
}

const INT8 = 20;
/** PostgreSQL's code for "cached plan must not change result type": the app altered a table that a flow reads whole. */
const STALE_PLAN = '0A000';
/** The same for deadlock_detected and serialization_failure: a second run may well succeed. */
const TRANSIENT: ReadonlySet<unknown> = new Set(['40P01', '40001', STALE_PLAN]);
const ATTEMPTS = 3;
/** Transactions about one order that run at once: they wait for one lock, and one more is ready when it is free. */
const ABOUT_ONE = 2;
/** How long a statement may wait for another's lock: longer than a flow may run, shorter than a statement. */
const LOCK_TIMEOUT_MS = 8_000;
/** How long a transaction may rest between two statements. */
const IDLE_TIMEOUT_MS = 15_000;
/** Not parameters of the start: a pooler refuses those. */
const limits = (isLocal: boolean): string =>
  `pg_catalog.set_config('statement_timeout', $1, ${isLocal}), pg_catalog.set_config('lock_timeout', $2, ${isLocal}),
  pg_catalog.set_config('idle_in_transaction_session_timeout', $3, ${isLocal})`;
/** How long a transaction may wait for its turn and for a connection. */
const PATIENCE_MS = 5_000;

/** Of a pool's connections, so many serve single statements alone: transactions that hang leave them free. */
const reserved = (poolSize: number): number => (poolSize >= 8 ? 2 : 0);

const parsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8
      ? (text: string): number => Number(text)
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** Whether the error is PostgreSQL's, with this code; `constraint` narrows it further. */
/** Another row holds what must be held once. Source: PostgreSQL docs, "PostgreSQL Error Codes". */
export const UNIQUE_VIOLATION = '23505';

export const isDatabaseError = (error: unknown, code: string, constraint?: string): boolean =>
  error instanceof pg.DatabaseError &&
  error.code === code &&
  (constraint === undefined || error.constraint === constraint);

/** The extended protocol takes one statement only: nothing rides behind a semicolon. */
const toQuery = (statement: Statement, name: string | undefined): ExtendedQuery => ({
  text: statement.text,
  ...(name !== undefined && { name }),
  types: parsers,
  values: [...(statement.values ?? [])],
  queryMode: 'extended',
});

/** Opens a pool; connections are made when needed, so a database that is down fails the statements, not the start. */
export const createDatabase = (options: DatabaseOptions): Database => {
  const poolSize = options.poolSize ?? 16;
  const names = createStatementNames();
  const lent = isLent(options.url);
  const queryOf = (statement: Statement): ExtendedQuery =>
    toQuery(statement, lent ? undefined : (statement.name ?? names.of(statement.text)));
  const times = [options.statementTimeoutMs ?? 10_000, LOCK_TIMEOUT_MS, IDLE_TIMEOUT_MS];
  /** Of each transaction, where no connection keeps what is set. */
  const settings = lent ? { text: `${TRANSACTION_SETTINGS}, ${limits(true)}`, values: times } : undefined;
  const transactions = createSlots(poolSize - reserved(poolSize), ABOUT_ONE);
  let isOwnSession = false;
  const pool = new pg.Pool({
    ...connectionOf(options.url),
    max: poolSize,
    application_name: 'tollgate',
    connectionTimeoutMillis: PATIENCE_MS,
    keepAlive: true,
    pipeline: true,
    ...(settings && { Client: lentClient(settings) }),
    async onConnect(client) {
      if (lent) return;
      // Before anything is set: it would stay on connections that others are lent.
      if (!isOwnSession) await assertOwnSession(client, options.url);
      isOwnSession = true;
      await Promise.all([settleSession(client), client.query(`select ${limits(false)}`, times)]);
    },
  });
  pool.on('error', (error) => options.onError?.(error));

  const attempt = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    const transaction = createTransaction(client, queryOf, settings);
    try {
      return await transaction.run(work);
    } catch (error) {
      broken = (await transaction.rollBack()) ?? broken;
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  };

  return {
    async query<Row extends object>(statement: Statement) {
      return (await pool.query(toQuery(statement, lent ? undefined : statement.name))).rows as Row[];
    },
    async transaction(work, about) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await transactions.run(() => attempt(work), { patienceMs: PATIENCE_MS, about });
        } catch (error) {
          const isTransient = error instanceof pg.DatabaseError && TRANSIENT.has(error.code);
          if (!isTransient || tries >= ATTEMPTS) throw busyOr(error);
          if (error.code === STALE_PLAN) names.renew();
        }
      }
    },
    async close() {
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, 5_000).unref());
      await Promise.race([pool.end(), deadline]);
    },
  };
};
