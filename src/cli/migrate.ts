import type { Command } from 'commander';
import { createPayloadKeeping } from '../inbox/payload-keeping.js';
import { migrateDatabase } from '../parts/storage.js';
import { createOutput, type JsonOption } from './output.js';
import { withWorkspace } from './workspace.js';

const runMigrate = async (options: JsonOption): Promise<void> => {
  const output = createOutput(options);
  output.progress('Bringing the database to the newest migration …');
  const names = await withWorkspace(async ({ config, database }) => {
    const ran = await migrateDatabase(config.directUrl);
    await createPayloadKeeping(database, 0).redactStored();
    return ran;
  });
  output.data(
    { migrations: names },
    names.length === 0
      ? 'The database was at the newest migration already.'
      : `${names.length} migration(s) ran:\n${names.map((name) => `  ${name}`).join('\n')}`,
  );
};

/** Adds the command that prepares the database. */
export const addMigrateCommand = (program: Command): void => {
  program
    .command('migrate')
    .description('bring the database to the newest migration; safe to run twice and from several processes at once')
    .option('--json', 'print the names of the migrations that ran as JSON')
    .action(runMigrate);
};
