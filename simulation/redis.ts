import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis that keeps nothing on disk. */
export interface OwnRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const PORTS = { least: 20_000, most: 32_000 };
const TRIES = 5;

const isThere = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(path.delimiter).some((dir) => dir !== '' && fs.existsSync(path.join(dir, program)));

/** Undefined where the port is taken. */
const launch = async (port: number): Promise<OwnRedis | undefined> => {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', os.tmpdir()],
    // A group of its own: who interrupts a run at a terminal interrupts all of its group, and what has begun is played to its end.
    { stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  );
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const isReady = await new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve(true);
    });
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(false));
  });
  if (!isReady) return undefined;
  // Whatever ends this process ends it too.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.off('exit', end);
      end();
      await exited;
    },
  };
};

/** Starts the machine's `redis-server` on a free port; undefined where there is none. */
export const startRedis = async (): Promise<OwnRedis | undefined> => {
  if (!isThere('redis-server')) return undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const redis = await launch(randomInt(PORTS.least, PORTS.most));
    if (redis) return redis;
  }
  throw new Error('redis-server could not be started.');
};
