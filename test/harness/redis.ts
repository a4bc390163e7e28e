import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe } from 'vitest';
import { forgetProcess, watchProcess } from './steward.js';

/** A Redis that a test may break. */
export interface TestRedis {
  readonly url: string;
  /** Kills the server: connections are reset, new ones refused. May be called twice. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port; stops it first if it runs. */
  restart(): Promise<void>;
  /** Freezes the server: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

const onPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(path.delimiter).some((dir) => dir !== '' && fs.existsSync(path.join(dir, program)));

const required = process.env['TOLLGATE_TEST_REQUIRE_REDIS'] === '1';
const given = process.env['TEST_REDIS_URL'];
const skipOwn = !required && !onPath('redis-server');
const REASON = 'skipped: no redis-server on the PATH';

/** Further lines of redis.conf. */
type Settings = readonly string[];

/** A group of tests that need some Redis; reported as skipped, with the reason, where there is none. */
export const describeWithRedis = (title: string, tests: () => void): void => {
  const skip = skipOwn && !given;
  describe.skipIf(skip)(skip ? `${title} (${REASON}, TEST_REDIS_URL not set)` : title, tests);
};

/** A group of tests that stop, restart or pause their Redis, which TEST_REDIS_URL's is spared. */
export const describeWithOwnRedis = (title: string, tests: () => void): void => {
  describe.skipIf(skipOwn)(skipOwn ? `${title} (${REASON})` : title, tests);
};

/** The URL of TEST_REDIS_URL, else of a server of one's own; `stop` ends the latter. */
export const openRedis = async (): Promise<Pick<TestRedis, 'url' | 'stop'>> =>
  given ? { url: given, stop: async () => undefined } : startRedis();

/**
 * Starts an own `redis-server` that keeps nothing on disk, on a free port of 127.0.0.1, with further lines of redis.conf.
 * Throws when it can't be started.
 */
export const startRedis = async (settings: Settings = []): Promise<TestRedis> => {
  let { server, port } = await launchAnywhere(settings);
  const stop = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
    await forgetProcess(server.pid ?? 0);
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    stop,
    restart: async () => {
      await stop();
      server = await launch(port, settings);
    },
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
  };
};

/** A cluster of three nodes on this machine. */
export interface TestRedisCluster {
  /** Of its nodes, in the order of their slots: a third each. */
  readonly nodes: readonly TestRedis[];
  /** Gives a slot that holds no key to another node. */
  moveSlot(slot: number, to: number): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts three masters without replicas and waits until they serve. */
export const startRedisCluster = async (settings: Settings = []): Promise<TestRedisCluster> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-redis-'));
  const nodes = await Promise.all(
    [0, 1, 2].map((at) =>
      startRedis([
        'cluster-enabled yes',
        'cluster-node-timeout 2000',
        'cluster-require-full-coverage no',
        `cluster-config-file ${path.join(folder, `nodes-${at}.conf`)}`,
        ...settings,
      ]),
    ),
  );
  const clients = nodes.map(({ url }) => new Redis(url));
  try {
    const size = Math.ceil(SLOTS / nodes.length);
    for (const [at, client] of clients.entries())
      await client.cluster('ADDSLOTSRANGE', at * size, Math.min((at + 1) * size, SLOTS) - 1);
    for (const { url } of nodes.slice(1)) await clients[0]?.cluster('MEET', '127.0.0.1', Number(new URL(url).port));
    const isWhole = async (client: Redis): Promise<boolean> => {
      const slots = (await client.cluster('SLOTS')) as unknown[];
      return slots.length === nodes.length && (await client.cluster('INFO')).includes('cluster_state:ok');
    };
    while (!(await Promise.all(clients.map(isWhole))).every(Boolean)) await delay(50);
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes,
    async moveSlot(slot, to) {
      const open = nodes.map(({ url }) => new Redis(url));
      try {
        const id = await open[to]?.cluster('MYID');
        // The one that gets it first: it makes the newer epoch.
        for (const client of [...open.slice(to), ...open.slice(0, to)])
          await client.cluster('SETSLOT', slot, 'NODE', `${id}`);
      } finally {
        for (const client of open) client.disconnect();
      }
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Starts a Sentinel that watches a Redis under this name; its URL, and a way to end it. */
export const startSentinel = async (
  { url }: Pick<TestRedis, 'url'>,
  name: string,
  settings: Settings = [],
): Promise<Pick<TestRedis, 'url' | 'stop'>> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-sentinel-'));
  const port = randomInt(20_000, 32_768);
  const file = path.join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${new URL(url).port} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 3000`,
    ...settings,
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  const server = await launch(port, [], [file, '--sentinel']);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
      await forgetProcess(server.pid ?? 0);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Below 32768, so that no outgoing connection has the port when the server is restarted on it. */
const launchAnywhere = async (settings: Settings, attempts = 10): Promise<{ server: ChildProcess; port: number }> => {
  const port = randomInt(20_000, 32_768);
  try {
    return { server: await launch(port, settings), port };
  } catch (error) {
    if (attempts <= 1 || !String(error).includes('in use')) throw error;
    return launchAnywhere(settings, attempts - 1);
  }
};

const launch = async (port: number, settings: Settings, words: readonly string[] = ['-']): Promise<ChildProcess> => {
  const server = spawn('redis-server', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(server, 'spawn');
  const own = [`port ${port}`, 'bind 127.0.0.1', 'save ""', 'appendonly no', `dir ${os.tmpdir()}`];
  server.stdin.end([...own, ...settings, ''].join('\n'));
  await watchProcess(server.pid ?? 0);
  const output: string[] = [];
  const lines = createInterface({ input: server.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      output.push(line);
      if (/Ready to accept connections|Sentinel ID is/.test(line)) resolve();
    });
    lines.once('close', () =>
      reject(new Error(`redis-server did not start on port ${port}: ${output.slice(-5).join('\n')}`)),
    );
  });
  return server;
};
