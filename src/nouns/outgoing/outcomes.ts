import type { Database } from '../../storage/database.js';
import type { OutgoingDelivery } from './row.js';
import { type AttemptEnd, writeAttempts } from './rows.js';

/** How the attempts of one endpoint ended. */
export interface Outcomes {
  /**
   * Writes it, together with what comes in meanwhile, and gives the delivery as it is then; undefined where it had ended otherwise.
   * Rejects where it could not be written: it is sent once more then.
   */
  write(id: string, end: AttemptEnd): Promise<OutgoingDelivery | undefined>;
}

interface Waiting {
  readonly id: string;
  readonly end: AttemptEnd;
  settle(written: OutgoingDelivery | undefined): void;
  reject(error: unknown): void;
}

/** Nobody but the next version of the same row waits for an outcome; those of one moment share a commit. */
const GATHER_MS = 2;
const MOST = 64;

/** Builds the writer of one endpoint's outcomes: one statement at a time. */
export const createOutcomes = (database: Pick<Database, 'query'>): Outcomes => {
  const waiting: Waiting[] = [];
  let isWriting = false;

  const writeTogether = async (batch: readonly Waiting[]): Promise<void> => {
    const rows = await database.query<OutgoingDelivery>(writeAttempts(batch));
    const written = new Map(rows.map((row) => [row.id, row]));
    for (const one of batch) one.settle(written.get(one.id));
  };

  /** What can't be written must not take others along. */
  const write = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await writeTogether(batch);
    } catch (error) {
      if (batch.length === 1) for (const one of batch) one.reject(error);
      else for (const one of batch) await write([one]);
    }
  };

  const run = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      await write(waiting.splice(0, MOST));
    }
    isWriting = false;
  };

  return {
    write: (id, end) =>
      new Promise((settle, reject) => {
        waiting.push({ id, end, settle, reject });
        if (!isWriting) void run();
      }),
  };
};
