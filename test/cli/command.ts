import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isBuilt, QUICK_START } from '../harness/built.js';

/** The words for node that run the command line. */
export const CLI_WORDS: readonly string[] = isBuilt
  ? [...QUICK_START, fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url))]
  : ['--import', 'tsx', fileURLToPath(new URL('../../src/cli.ts', import.meta.url))];

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command in a process of its own with exactly this environment (beside PATH and HOME); `input` is piped in. */
export const runCommand = async (
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Ended> => {
  const child = spawn(process.execPath, [...CLI_WORDS, ...words], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
};
