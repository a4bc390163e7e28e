import type { Database, Tx } from './database.js';

/** Ends a rehearsed transaction; what it did is taken back. */
class RolledBack extends Error {}

/**
 * The same database, with every statement and transaction rolled back at its end: all runs as it would, locks and rules
 * included, and nothing is written. Each transaction sees the data as they are, not what an earlier one would have left.
 */
export const createRehearsal = (database: Database): Database => {
  const rehearse = async <T>(work: (tx: Tx) => Promise<T>, about?: string): Promise<T> => {
    let result: { readonly value: T } | undefined;
    try {
      await database.transaction(async (tx) => {
        result = { value: await work(tx) };
        // Statements that nobody waited for have failed the transaction by now, if they do.
        await tx.query({ text: 'select 1 as "one"' });
        throw new RolledBack();
      }, about);
    } catch (error) {
      if (!(error instanceof RolledBack) || !result) throw error;
    }
    if (!result) throw new Error('A rehearsed transaction was committed.');
    return result.value;
  };
  return {
    query: (statement) => rehearse((tx) => tx.query(statement)),
    transaction: rehearse,
    close: () => database.close(),
  };
};
