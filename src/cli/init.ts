import path from 'node:path';
import type { Command } from 'commander';
import { createOutput, type JsonOption } from './output.js';
import { writeProject } from './project.js';

const runInit = async (folder: string, options: JsonOption): Promise<void> => {
  const project = path.resolve(folder);
  const files = writeProject(project);
  const kept = files.filter(({ state }) => state === 'kept').map(({ file }) => file);
  const below = path.relative(process.cwd(), project);
  createOutput(options).data(
    { project, files },
    [
      `A project that takes payments, in ${project}`,
      ...files.filter(({ state }) => state === 'written').map(({ file }) => `  ${file}`),
      ...(kept.length > 0 ? [`Left as they were: ${kept.join(', ')}`] : []),
      '',
      'Next:',
      ...(below === '' ? [] : [`  cd ${/\s/.test(below) ? `"${below}"` : below}`]),
      '  npm install',
      '  npm start        # the server, a shop, a console and a local Stripe: no account, no database needed',
    ].join('\n'),
  );
};

/** Adds the command that makes a project. */
export const addInitCommand = (program: Command): void => {
  program
    .command('init')
    .description('make a project with your callback flows, a test of them, and what a deployment needs')
    .argument('[folder]', 'where; files that are there already stay as they are', '.')
    .option('--yes', 'ask nothing; it never does')
    .option('--json', 'print what was written as JSON')
    .action(runInit);
};
