import type { Command } from 'commander';
import { listRefused, type RefusedRun, releaseRefused } from '../flows/freezes.js';
import { withOperations } from './operations.js';
import { createOutput, type JsonOption } from './output.js';
import { oneLine, toTable } from './table.js';
import { withWorkspace } from './workspace.js';

const MOST = 1_000;

const rowOf = ({ sort, name, subject, freezes, since, eventIds, place }: RefusedRun): string[] => [
  sort,
  name,
  subject,
  String(freezes),
  since.toISOString(),
  eventIds.join(' '),
  oneLine(place),
];

const listFlows = async (options: JsonOption): Promise<void> => {
  const refused = await withWorkspace(({ database }) => listRefused(database));
  const table = toTable([['SORT', 'NAME', 'ORDER OR KEY', 'TIMES', 'LAST', 'EVENTS', 'PLACE'], ...refused.map(rowOf)]);
  createOutput(options).data({ refused }, refused.length === 0 ? 'Every flow and effect may run.' : table);
};

const retryFlows = async (subject: string | undefined, options: JsonOption): Promise<void> => {
  const released = await withWorkspace(({ database }) => releaseRefused(database, subject));
  createOutput(options).data({ released }, `${released.length} may run again; a running server takes up their events.`);
};

interface OwedOptions extends JsonOption {
  readonly order?: string;
}

const listOwed = async (options: OwedOptions): Promise<void> => {
  const { rows } = await withOperations({}, ({ owedFlows }) =>
    owedFlows.list({ orderId: options.order, status: 'OWED', first: MOST }),
  );
  const lines = [...rows]
    .reverse()
    .map(({ id, orderId, flow, nodeType, nodeId, toStatus, tries, nextTryAt, error }) => [
      id,
      orderId,
      flow,
      `${nodeType} ${nodeId} ${toStatus}`,
      String(tries),
      nextTryAt?.toISOString() ?? 'waits',
      oneLine(error),
    ]);
  const table = toTable([['ID', 'ORDER', 'FLOW', 'OF', 'TRIES', 'NEXT', 'ERROR'], ...lines]);
  createOutput(options).data({ owed: rows }, rows.length === 0 ? 'No flow is owed.' : table);
};

const runOwed = async (id: string, options: JsonOption): Promise<void> => {
  const owed = await withOperations({}, ({ owedFlows }) => owedFlows.run(id, 'operator'));
  const isOwed = owed.status === 'OWED';
  const words = isOwed
    ? `It failed again and stays owed: ${oneLine(owed.error, 200)}`
    : `Owed flow ${id} is ${owed.status}.`;
  createOutput(options).data({ owedFlow: owed }, words);
  if (isOwed) process.exitCode = 1;
};

const skipOwed = async (id: string, options: JsonOption & { readonly reason: string }): Promise<void> => {
  const owed = await withOperations({}, ({ owedFlows }) => owedFlows.skip(id, options.reason, 'operator'));
  createOutput(options).data({ owedFlow: owed }, `Owed flow ${id} is ${owed.status}.`);
};

const oweNext = async (orderId: string, options: JsonOption): Promise<void> => {
  const events = await withOperations({}, ({ owedFlows }) => owedFlows.oweNext(orderId, 'operator'));
  const words = `The next flow of order ${orderId} is owed at once; a running server takes up ${events} event(s) that wait for it.`;
  createOutput(options).data({ orderId, events }, words);
};

const addOwedFlowCommands = (flows: Command): void => {
  flows
    .command('owed')
    .description('flows whose changes were applied without them, in the order in which they run')
    .option('--order <id>', 'of one order')
    .option('--json', 'print it as JSON')
    .action(listOwed);
  flows
    .command('run')
    .description('try an owed flow now')
    .argument('<id>', 'from "flows owed"')
    .option('--json', 'print it as JSON')
    .action(runOwed);
  flows
    .command('skip')
    .description('say that an owed flow never runs; what waits behind it goes on')
    .argument('<id>', 'from "flows owed"')
    .requiredOption('--reason <text>', 'why, for the timeline and the audit')
    .option('--json', 'print it as JSON')
    .action(skipOwed);
  flows
    .command('owe')
    .description('apply the next change of an order without its flow, however often that has failed; it runs later')
    .argument('<order>', "the order's id")
    .option('--json', 'print it as JSON')
    .action(oweNext);
};

/** Adds the commands over flows that are owed, and flows and effects that held up the server. */
export const addFlowCommands = (program: Command): void => {
  const flows = program
    .command('flows')
    .description('flows that are owed, and flows and effects that held up the server');
  flows
    .command('list')
    .description('which held up the server and wait for an operator, and where in their code')
    .option('--json', 'print it as JSON')
    .action(listFlows);
  flows
    .command('retry')
    .description('let them run again, once they are fixed and the server has been restarted')
    .argument('[subject]', 'the order, or the key of an effect; all unless told')
    .option('--json', 'print it as JSON')
    .action(retryFlows);
  addOwedFlowCommands(flows);
};
