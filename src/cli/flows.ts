import type { Command } from 'commander';
import { listRefused, type RefusedRun, releaseRefused } from '../flows/freezes.js';
import { createOutput, type JsonOption } from './output.js';
import { oneLine, toTable } from './table.js';
import { withWorkspace } from './workspace.js';

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

/** Adds the commands over flows and effects that held up the server. */
export const addFlowCommands = (program: Command): void => {
  const flows = program
    .command('flows')
    .description('flows and effects that held up the server and wait for an operator');
  flows
    .command('list')
    .description('which, and where in their code')
    .option('--json', 'print it as JSON')
    .action(listFlows);
  flows
    .command('retry')
    .description('let them run again, once they are mended and the server was started again')
    .argument('[subject]', 'the order, or the key of an effect; all unless told')
    .option('--json', 'print it as JSON')
    .action(retryFlows);
};
