import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryPubSub } from '../../src/outbox/memory.js';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { createRedisPubSub } from '../../src/outbox/redis.js';
import {
  describeWithOwnRedis,
  describeWithRedis,
  openRedis,
  startRedis,
  startRedisCluster,
  startSentinel,
  type TestRedis,
  type TestRedisCluster,
} from '../harness/redis.js';
import { createLog } from './log.js';
import { until } from './until.js';

const behaves = (create: (log: ReturnType<typeof createLog>) => Promise<PubSub>): void => {
  let pubsub: PubSub;
  let log: ReturnType<typeof createLog>;
  /** Topics of TEST_REDIS_URL's server are shared: a name of the run's own. */
  const topic = `tollgate:test:${process.pid}:${Math.random()}`;

  beforeEach(async () => {
    log = createLog();
    pubsub = await create(log);
  });
  afterEach(() => pubsub.close());

  /** Subscribes and gives what arrived, and a wait for the next. */
  const listen = async (name = topic) => {
    const heard: string[] = [];
    let wake = (): void => undefined;
    const stop = await pubsub.subscribe(name, (message) => {
      heard.push(message);
      wake();
    });
    const has = async (count: number): Promise<string[]> => {
      while (heard.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return heard;
    };
    return { heard, has, stop };
  };

  test('a message published after subscribe resolved arrives as it was sent, in order', async () => {
    const { has } = await listen();
    const messages = ['{"a":1}', 'not JSON', '"quoted"', 'ünïcödé 🎉', '', 'null'];
    for (const message of messages) await pubsub.publish(topic, message);
    expect(await has(messages.length)).toEqual(messages);
  });

  test('all listeners of a topic hear a message, those of others do not', async () => {
    const [first, second, other] = [await listen(), await listen(), await listen(`${topic}:other`)];
    await pubsub.publish(topic, 'one');
    await pubsub.publish(`${topic}:other`, 'two');
    expect([await first.has(1), await second.has(1), await other.has(1)]).toEqual([['one'], ['one'], ['two']]);
  });

  test('a listener that throws starves no other and is logged', async () => {
    await pubsub.subscribe(topic, () => {
      throw new Error('listener');
    });
    const { has } = await listen();
    await pubsub.publish(topic, 'one');
    await pubsub.publish(topic, 'two');
    expect(await has(2)).toEqual(['one', 'two']);
    expect(log.lines).toEqual(['a listener of pub/sub failed', 'a listener of pub/sub failed']);
  });

  test('after unsubscribing, once or twice, nothing arrives and other listeners stay', async () => {
    const [gone, stays] = [await listen(), await listen()];
    gone.stop();
    gone.stop();
    await pubsub.publish(topic, 'one');
    expect(await stays.has(1)).toEqual(['one']);
    expect(gone.heard).toEqual([]);
  });

  test('unsubscribing and subscribing again at once loses no message', async () => {
    for (let round = 0; round < 20; round += 1) {
      const before = await listen();
      const again = listen();
      before.stop();
      const after = await again;
      await pubsub.publish(topic, String(round));
      expect(await after.has(1)).toEqual([String(round)]);
      after.stop();
    }
  });

  test('it answers a ping, and refuses everything once closed', async () => {
    await pubsub.ping();
    await pubsub.close();
    await expect(pubsub.ping()).rejects.toThrow();
    await expect(pubsub.publish(topic, 'late')).rejects.toThrow();
    await expect(pubsub.subscribe(topic, () => undefined)).rejects.toThrow('closed');
    await pubsub.close();
  });
};

describe('in memory', () => {
  behaves(async (log) => createMemoryPubSub({ log }));
});

describeWithRedis('through Redis', () => {
  let redis: Awaited<ReturnType<typeof openRedis>>;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.stop());
  behaves((log) => createRedisPubSub({ url: redis.url, log }));
});

describeWithOwnRedis('through the Redis that a Sentinel names, with a password', () => {
  let redis: TestRedis;
  let sentinel: Awaited<ReturnType<typeof startSentinel>>;
  beforeAll(async () => {
    redis = await startRedis(['requirepass geheim']);
    sentinel = await startSentinel(redis, 'the-shop', ['sentinel auth-pass the-shop geheim']);
  });
  afterAll(async () => {
    await sentinel.stop();
    await redis.stop();
  });
  behaves((log) => {
    const { hostname: host, port } = new URL(sentinel.url);
    return createRedisPubSub({ url: 'redis://:geheim@the-shop', sentinels: [{ host, port: Number(port) }], log });
  });
});

describeWithOwnRedis('through a cluster', () => {
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  const open = (log: ReturnType<typeof createLog>, at = 0): Promise<PubSub> =>
    createRedisPubSub({ url: cluster.nodes[at]?.url ?? '', cluster: true, keyPrefix: 'shop:', log });
  behaves((log) => open(log));

  /** One of each node: `{a}` is in the slot 15495, and so on. */
  const TOPICS = { '{c}': 7_365, '{b}': 3_300, '{a}': 15_495 };
  const soon = (work: () => Promise<unknown>): Promise<void> =>
    until(
      () =>
        work().then(
          () => true,
          () => false,
        ),
      'it works',
    );

  test('each topic stays on its node, also for another process, and with the prefix', async () => {
    const [here, there] = [await open(createLog()), await open(createLog(), 2)];
    const heard: string[] = [];
    for (const topic of Object.keys(TOPICS)) await here.subscribe(topic, (message) => heard.push(message));
    for (const topic of Object.keys(TOPICS)) await there.publish(topic, topic);
    await until(() => heard.length === 3, 'all of them');
    const channels = await Promise.all(
      cluster.nodes.map(async ({ url }) => {
        const client = new Redis(url);
        const names = await client.call('PUBSUB', 'SHARDCHANNELS');
        client.disconnect();
        return names;
      }),
    );
    expect(channels).toEqual([['shop:{b}'], ['shop:{c}'], ['shop:{a}']]);
    await Promise.all([here.close(), there.close()]);
  });

  test('a slot that moves, and a node that dies and comes back, are gaps, and topics are heard again', async () => {
    const pubsub = await open(createLog());
    const heard: string[] = [];
    await pubsub.subscribe('{a}', (message) => heard.push(message));
    await pubsub.subscribe('{b}', (message) => heard.push(message));
    const nextGap = (): Promise<void> => new Promise((resolve) => void pubsub.onGap(resolve));
    for (const to of [1, 2]) {
      const moved = nextGap();
      await cluster.moveSlot(TOPICS['{a}'], to);
      await moved;
      await soon(() => pubsub.publish('{a}', `at ${to}`));
      await until(() => heard.includes(`at ${to}`), 'the message at its new node');
    }
    await cluster.nodes[0]?.stop();
    await expect(pubsub.publish('{b}', 'lost')).rejects.toThrow();
    await pubsub.publish('{a}', 'others go on');
    const back = nextGap();
    await cluster.nodes[0]?.restart();
    await back;
    await soon(() => pubsub.publish('{b}', 'after'));
    await until(() => heard.includes('after'), 'the message after the restart');
    expect(heard).toEqual(['at 1', 'at 2', 'others go on', 'after']);
    await pubsub.close();
  });
});
