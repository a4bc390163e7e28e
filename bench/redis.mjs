// A Redis of the benchmark's own, on a free port, that keeps nothing on disk.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import os from 'node:os';
import { firstMatch } from './processes.mjs';

const TRIES = 10;

/** Starts `redis-server` from the PATH; throws with the remedy where there is none. */
export const startRedis = async (tries = TRIES) => {
  const port = randomInt(20_000, 32_768);
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', os.tmpdir()];
  const server = spawn('redis-server', options.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await firstMatch(server, /Ready to accept connections/, 'redis-server');
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('This benchmark needs a redis-server on the PATH.', { cause: error });
    if (tries <= 1) throw error;
    return startRedis(tries - 1);
  }
  server.stdout.resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
};
