import type pg from 'pg';
import type { Statement, Tx } from './database.js';
import { Together } from './together.js';

/** A statement as pg takes it, by the protocol that allows one only. */
export type ExtendedQuery = pg.QueryConfig & { readonly queryMode: 'extended' };

/** One transaction of one connection; not to be used a second time. */
export interface Transaction {
  /** Runs the work and commits; throws where either fails, and `rollBack` is due then. */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Takes back what was done and sends nothing more. Gives why the connection can't be used again; undefined when it can. */
  rollBack(): Promise<Error | undefined>;
}

/** The statements would have run outside a transaction, each committed at once. */
class NotBegunError extends Error {
  constructor() {
    super('The database answered "begin", yet no transaction runs.');
    this.name = 'NotBegunError';
  }
}

class EndedError extends Error {
  constructor() {
    super('The transaction has ended: await its statements inside of the work.');
    this.name = 'EndedError';
  }
}

/** What is sent in one turn leaves in one packet: PostgreSQL wakes up once for it. */
const createCork = ({ connection: { stream } }: pg.PoolClient): (() => void) => {
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    stream.uncork();
  };
  return () => {
    if (isCorked) return;
    isCorked = true;
    stream.cork();
    process.nextTick(uncork);
  };
};

/**
 * Prepares a transaction on the connection. `begin` travels with the statements of the first turn, as one: where it fails,
 * PostgreSQL skips them; what comes later waits until it has succeeded. So nothing of a transaction ever runs without it.
 * `settings` is its first statement.
 */
export const createTransaction = (
  client: pg.PoolClient,
  queryOf: (statement: Statement) => ExtendedQuery,
  settings?: Statement,
): Transaction => {
  const opening = new Together(() => (client.getTransactionStatus() === 'T' ? undefined : new NotBegunError()));
  const cork = createCork(client);
  const sent: Promise<unknown>[] = [];
  const afterwards: (() => void)[] = [];
  let begun: Promise<unknown> | undefined;
  let state: 'gathering' | 'begins' | 'open' = 'gathering';
  /** `done`: nothing more is taken. `taken back`: what waits is not sent either. */
  let end: 'done' | 'taken back' | undefined;

  const later = (promise: Promise<unknown>): void => {
    promise.catch(() => undefined);
    sent.push(promise);
  };
  const open = (): void => {
    if (state !== 'gathering' || end === 'taken back') return;
    state = 'begins';
    client.query(opening);
  };
  const gather = (statement: Statement): Promise<pg.QueryResult> => {
    if (!begun) {
      begun = opening.add(queryOf({ name: 'begin', text: 'begin' })).then(() => {
        state = 'open';
      });
      later(begun);
      if (settings) later(opening.add(queryOf(settings)));
      process.nextTick(open);
    }
    return opening.add(queryOf(statement));
  };
  const convey = async (statement: Statement): Promise<pg.QueryResult> => {
    if (state === 'gathering') return gather(statement);
    if (state === 'begins') await begun;
    if (end === 'taken back') throw new EndedError();
    cork();
    return client.query(queryOf(statement));
  };
  const assertGoesOn = (): void => {
    if (end !== undefined) throw new EndedError();
  };
  const commit = async (): Promise<void> => {
    open();
    const committed = convey({ name: 'commit', text: 'commit' });
    later(committed);
    await Promise.all(sent);
    // A transaction that had failed answers COMMIT with ROLLBACK, without an error.
    if ((await committed).command !== 'COMMIT') throw new Error('The transaction had failed and was rolled back.');
  };

  return {
    async run(work) {
      const result = await work({
        async query<Row extends object>(statement: Statement) {
          assertGoesOn();
          return (await convey(statement)).rows as Row[];
        },
        send(statement) {
          assertGoesOn();
          later(convey(statement));
        },
        afterCommit(work) {
          afterwards.push(work);
        },
      });
      end = 'done';
      if (begun) await commit();
      for (const work of afterwards) work();
      return result;
    },
    async rollBack() {
      end = 'taken back';
      if (state === 'gathering') opening.abandon(new EndedError(), client.connection);
      if (!begun || state === 'gathering') return undefined;
      try {
        await begun;
        await client.query('rollback');
        return undefined;
      } catch (failure) {
        return failure instanceof Error ? failure : new Error(String(failure));
      }
    },
  };
};
