import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { placeOf } from '../flows/project-file.js';
import { UsageError } from './output.js';

const RUN_TEST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../bin/run-test.mjs' : '../../../bin/run-test.mjs', import.meta.url),
);

const testsIn = (folder: string): string[] =>
  fs.existsSync(folder)
    ? (fs.readdirSync(folder, { recursive: true }) as string[])
        .filter((name) => /\.test\.m?[jt]s$/.test(name))
        .sort()
        .map((name) => path.join(folder, name))
    : [];

/** Runs each file in its own process, one after another; returns whether all passed. */
const runTests = async (given: readonly string[]): Promise<void> => {
  const files = given.length > 0 ? given : testsIn(path.resolve('test'));
  if (files.length === 0) throw new UsageError('There is no *.test.ts below test.');
  for (const file of files) {
    process.stdout.write(`${placeOf(path.resolve(file))}\n`);
    const [code] = await once(spawn(process.execPath, [RUN_TEST, file], { stdio: 'inherit' }), 'exit');
    if (code !== 0) process.exitCode = 1;
  }
};

/** Adds the command that runs a project's tests. */
export const addTestCommand = (program: Command): void => {
  program
    .command('test')
    .description("run the project's tests, written with node:test, as the TypeScript that they are")
    .argument('[files...]', 'all of test/**/*.test.ts unless told')
    .action(runTests);
};
