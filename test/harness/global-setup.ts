import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { TestCluster } from './cluster.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port of the run's steward, on which test files ask for what is made once per run. */
    stewardPort: number;
  }
}

/**
 * Starts the run's steward: the database cluster is started by the first test file that needs one, and whatever a test
 * started is cleaned up when the run ends, also when it is interrupted or killed.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const reaper = spawn(process.execPath, [fileURLToPath(new URL('./reaper.mjs', import.meta.url))], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  const reaped = once(reaper, 'exit');
  let cluster: Promise<TestCluster> | undefined;
  const steward = net.createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface({ input: socket }).once('line', (line) => {
      if (line !== 'cluster') return socket.end(tell(reaper, line));
      cluster ??= startCluster((dataDir) => tell(reaper, JSON.stringify({ cluster: dataDir })));
      cluster.then(
        ({ adminUrl, template }) => socket.end(`${JSON.stringify({ adminUrl, template })}\n`),
        (error: unknown) => socket.end(`${JSON.stringify({ error: String(error) })}\n`),
      );
    });
  });
  await once(steward.listen(0, '127.0.0.1'), 'listening');
  project.provide('stewardPort', (steward.address() as AddressInfo).port);

  return async () => {
    steward.close();
    await cluster?.then(
      (started) => started.stop(),
      () => undefined,
    );
    reaper.stdin?.end();
    await reaped;
  };
}

/** Loaded on demand: it brings the whole of TypeORM. */
const startCluster = async (made: (dataDir: string) => void): Promise<TestCluster> =>
  (await import('./cluster.js')).startTestCluster(made);

const tell = (reaper: ChildProcess, line: string): string => {
  reaper.stdin?.write(`${line}\n`);
  return '{}\n';
};
