import { once } from 'node:events';
import { type Command, InvalidArgumentError } from 'commander';
import { withOperations } from './operations.js';
import { OPERATOR_CALLER } from './operator.js';
import { UsageError } from './output.js';

const LISTS = ['payments', 'refunds', 'disputes', 'recurringPayments'];

interface ExportOptions {
  readonly filter?: Readonly<Record<string, string>>;
}

const write = async (piece: string): Promise<void> => {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
};

const exportList = async (name: string, { filter = {} }: ExportOptions): Promise<void> => {
  if (!LISTS.includes(name)) throw new UsageError(`There is no list "${name}". There are: ${LISTS.join(', ')}.`);
  await withOperations({}, async ({ exports }) => {
    const list = exports.find((one) => one.name === name);
    if (!list) throw new UsageError(`This installation has no ${name}.`);
    for await (const piece of await list.open(filter, async () => OPERATOR_CALLER)) await write(piece);
  });
};

const parseFilter = (text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const [, name = '', value = ''] = /^(\w+)=(.+)$/s.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('Write a name and a value: status=FAILED.');
  return { ...before, [name]: value };
};

/** Adds the command that writes a list as comma-separated values. */
export const addExportCommand = (program: Command): void => {
  program
    .command('export')
    .description('write a list as CSV to stdout, newest first, at most 100,000 rows')
    .argument('<list>', LISTS.join(', '))
    .option(
      '--filter <name=value>',
      'as the GraphQL list is narrowed: status=FAILED, createdFrom=2026-01-01; again for more',
      parseFilter,
    )
    .action(exportList);
};
