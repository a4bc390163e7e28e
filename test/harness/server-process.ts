import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isBuilt, wordsFor } from './built.js';
import { forgetProcess, watchProcess } from './steward.js';

const MAIN = fileURLToPath(new URL(isBuilt ? '../../dist/src/main.js' : '../../src/main.ts', import.meta.url));
const START_MS = 60_000;

/** A server in a process of its own, which a test may kill. */
export interface ServerProcess {
  readonly pid: number;
  /** Where it answers; undefined for one that ended instead of starting. */
  readonly url: string | undefined;
  readonly sandboxUrl: string | undefined;
  /** All that it printed. */
  output(): string;
  /** Sends the signal and resolves with the exit code once it is gone; null when the signal killed it. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

/**
 * Starts a server with exactly this environment (beside PATH and HOME) and resolves once it serves, or has ended.
 * `entry` is the file to run, src/main.ts unless told; `cwd` the folder to run it in.
 */
export const startServerProcess = async (
  environment: Readonly<Record<string, string>>,
  entry: string = MAIN,
  cwd: string = process.cwd(),
): Promise<ServerProcess> => {
  const child: ChildProcess = spawn(process.execPath, await wordsFor(entry), {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  await watchProcess(pid);
  const ended = once(child, 'exit').then(async ([code]) => {
    await forgetProcess(pid);
    return code as number | null;
  });
  let output = '';
  const served = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not up after ${START_MS} ms:\n${output}`)), START_MS);
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!/Probes/.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    void ended.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
  await served;
  return {
    pid,
    url: /GraphQL\s+(http:\S+)\/graphql/.exec(output)?.[1],
    sandboxUrl: /Sandbox\s+(http:\S+)/.exec(output)?.[1],
    output: () => output,
    ended,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
};
