import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forgetProcess, watchProcess } from '../harness/steward.js';

let dataDir: string;
// The same for all, so that each also starts on what the one before left.
beforeAll(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-signals-'));
});
afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** Resolves once every process that holds its output has ended, not only the first one. */
  readonly allEnded: Promise<unknown>;
}

const start = async ([command, ...words]: readonly [string, ...string[]]): Promise<Started> => {
  const { PATH, HOME } = process.env;
  const child = spawn(command, words, {
    env: { PATH, HOME, TOLLGATE_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that a failed test leaves none of it
  });
  const allEnded = once(child, 'close');
  await once(child, 'spawn');
  await watchProcess(child.pid ?? 0);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /(?:Probes|answers as Stripe at)\s+(http:\/\/[\d.]+:\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    void allEnded.then(() => reject(new Error(`It ended instead of starting:\n${output}`)));
  });
  return { child, url, allEnded };
};

const endGroup = (child: ChildProcess): void => {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // all of it has ended
  }
};

describe('what was started and is told to stop', { timeout: 180_000 }, () => {
  test.each([
    ['SIGTERM', ['npm', 'start']],
    ['SIGTERM', ['npx', 'tollgate', 'start']],
    ['SIGTERM', ['npx', 'tollgate', 'sandbox', '--port', '0']],
    ['SIGTERM', ['npm', 'run', 'dev']],
    ['SIGTERM', ['node', 'dist/src/main.js']],
    ['SIGTERM', ['node', 'scripts/tollgate.mjs', 'start']],
    ['Ctrl-C', ['npm', 'start']],
  ] as const)('%s to %j ends all of it within 15 s, its database too, and frees the port', async (signal, words) => {
    const { child, url, allEnded } = await start(words);
    try {
      await fetch(`${url}/health`);
      if (words.some((word) => word === 'start')) expect((await fetch(`${url}/console`)).status).toBe(200);
      const startedAt = performance.now();
      if (signal === 'SIGTERM') child.kill('SIGTERM');
      else process.kill(-(child.pid ?? 0), 'SIGINT'); // a terminal tells the whole group
      const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error('a process of it goes on')), 15_000).unref();
      });
      await Promise.race([allEnded, late]);
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      await expect(fetch(`${url}/health`)).rejects.toThrow();
    } finally {
      endGroup(child);
      await allEnded;
      await forgetProcess(child.pid ?? 0);
    }
  });
});
