import type { Command } from 'commander';
import { createAuditLog } from '../installation/audit-log.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { oneLine, toTable } from './table.js';
import { withWorkspace } from './workspace.js';

const MOST = 1_000;

const list = async ({
  first,
  after,
  ...options
}: JsonOption & { readonly first: string; readonly after?: string }): Promise<void> => {
  const count = Number(first);
  if (!Number.isInteger(count) || count < 1 || count > MOST) throw new UsageError(`--first must be 1 to ${MOST}.`);
  if (after !== undefined && !/^\d{1,18}$/.test(after)) throw new UsageError('--after must be the id of an entry.');
  const { rows } = await withWorkspace(({ database }) =>
    createAuditLog(database).list({ first: count, ...(after !== undefined && { after }) }),
  );
  const table = toTable([
    ['ID', 'AT', 'WHO', 'WHAT', 'DETAIL'],
    ...rows.map(({ id, at, actor, action, detail }) => [
      id,
      at.toISOString(),
      oneLine(actor, 60),
      action,
      oneLine(JSON.stringify(detail), 120),
    ]),
  ]);
  createOutput(options).data({ entries: rows }, rows.length === 0 ? 'Nothing was changed yet.' : table);
};

/** Adds the command that tells who changed what of the installation. */
export const addAuditCommand = (program: Command): void => {
  program
    .command('audit')
    .description('who changed keys, plan, roles, policies and the like, newest first')
    .option('--first <count>', 'so many', '50')
    .option('--after <id>', 'those before this entry')
    .option('--json', 'print them as JSON')
    .action(list);
};
