import type { Statement, Tx } from '../storage/database.js';
import { addJobs, type JobSpec } from './effects.js';
import { countingFailure, type FlowTurn } from './owed.js';
import { withoutComments } from './statement-text.js';

/** Why flows can't share this transaction; each must run in one of its own. */
export class TurnError extends Error {
  constructor(
    /** `interleaved`: a flow went on after another had begun. `statement`: it sent what lasts beyond its own turn. */
    readonly reason: 'interleaved' | 'statement',
    message: string,
  ) {
    super(message);
    this.name = 'TurnError';
  }
}

/** Runs flows of several events in one transaction. */
export interface FlowTurns {
  /**
   * Runs all of them. Each one's statements are neighbours, so that the whole equals the flows one after the other and none sees
   * half of another. They begin together; once one was seen that sends a statement, waits, and sends another, this and every
   * later call run them one by one. The effects of all are queued by one statement. The failure of one that runs by itself is counted;
   * of several, each is counted when its event goes alone.
   *
   * @throws TurnError where their statements can't be kept apart, also where a flow caught that; else what a flow threw
   */
  run(tx: Tx, turns: readonly FlowTurn[]): Promise<void>;
}

/** So long may a flow's statement run while others wait for its transaction, in milliseconds. */
const SHARED_STATEMENT_MS = 50;

/**
 * What would last beyond the flow's turn or reach into another's: settings, locks of tables or by name, temporary tables,
 * messages. Only the text is looked at: what hides in functions and triggers is the author's to say, by `batch: false`.
 */
const SHARED =
  /^(?!(?:select|insert|update|delete|with|merge|values)\b)|\b(?:set_config|pg_(?:try_)?advisory\w*|pg_notify|dblink\w*)\b|\binto\s+(?:local\s+|global\s+)?temp/i;

/** The transaction as each flow has it, and what was refused to any of them. */
const shareOut = (tx: Tx) => {
  let speaker: object | undefined;
  let failure: TurnError | undefined;
  const refuse = (reason: TurnError['reason'], message: string): never => {
    failure ??= new TurnError(reason, message);
    throw failure;
  };

  const take = (): Tx => {
    const flow = {};
    let hasSpoken = false;
    const assertMay = ({ text }: Statement): void => {
      if (failure) throw failure;
      if (SHARED.test(withoutComments(text)))
        refuse('statement', 'A flow sent a statement that lasts beyond its own turn.');
      if (hasSpoken && speaker !== flow) refuse('interleaved', 'A flow went on after another had begun.');
      hasSpoken = true;
      speaker = flow;
    };
    return {
      async query<Row extends object>(statement: Statement) {
        assertMay(statement);
        return tx.query<Row>(statement);
      },
      send(statement) {
        assertMay(statement);
        tx.send(statement);
      },
      afterCommit: (work) => tx.afterCommit(work),
    };
  };
  return { take, refusal: () => failure };
};

/** Builds the turns of one kind of flow. */
export const createFlowTurns = (): FlowTurns => {
  let isOneByOne = false;
  const runAll = async (tx: Tx, turns: readonly FlowTurn[]): Promise<void> => {
    const { take, refusal } = shareOut(tx);
    const jobs: JobSpec[] = [];
    tx.send({
      name: 'batch_flow_limit',
      text: `select pg_catalog.set_config('statement_timeout', '${SHARED_STATEMENT_MS}', true)`,
    });
    const all = async (): Promise<void> => {
      if (isOneByOne) for (const { run } of turns) await run(take(), jobs);
      else await Promise.all(turns.map(({ run }) => run(take(), jobs)));
    };
    const failure = await all().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // A flow may have caught the refusal, or not waited for it: what it sent is missing all the same.
    const refused = refusal();
    if (refused?.reason === 'interleaved') isOneByOne = true;
    if (refused) throw refused;
    if (failure) throw failure.error;
    if (jobs.length > 0) tx.send(addJobs(jobs));
  };

  return {
    async run(tx, turns) {
      const [first, ...others] = turns;
      if (!first) return;
      await (others.length > 0 ? runAll(tx, turns) : countingFailure(first.subject, () => runAll(tx, turns)));
    },
  };
};
