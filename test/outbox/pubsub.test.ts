import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryPubSub } from '../../src/outbox/memory.js';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { createRedisPubSub } from '../../src/outbox/redis.js';
import { describeWithRedis, openRedis } from '../harness/redis.js';
import { createLog } from './log.js';

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
