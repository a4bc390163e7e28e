import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { createRedisPubSub } from '../../src/outbox/redis.js';
import { linkOptions } from '../../src/outbox/redis-link.js';
import { RedisSubscriber } from '../../src/outbox/redis-subscriber.js';
import { describeWithOwnRedis, startRedis, type TestRedis } from '../harness/redis.js';
import { createLog } from './log.js';
import { startProxy } from './proxy.js';
import { until } from './until.js';

const took = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
};

describe('the address of Redis', () => {
  test.each([
    '',
    'nonsense',
    'http://localhost:6379',
    'redis://',
    'redis://host:99999',
    'redis://host/db',
  ])('that is malformed stops the start at once: %j', async (url) => {
    await expect(createRedisPubSub({ url, log: createLog() })).rejects.toThrow('REDIS_URL');
  });
});

describeWithOwnRedis('pub/sub over a Redis that fails', () => {
  let redis: TestRedis;
  let pubsub: PubSub;
  let log: ReturnType<typeof createLog>;
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    log = createLog();
  });
  afterEach(async () => {
    redis.resume();
    await pubsub.close();
    for (const close of closing.splice(0)) await close();
    await redis.stop();
  });
  const open = async (url = redis.url): Promise<void> => {
    pubsub = await createRedisPubSub({ url, log });
  };
  const nextGap = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = pubsub.onGap(() => {
        stop();
        resolve();
      });
    });
  const channels = async (): Promise<unknown[]> => {
    const client = new Redis(redis.url);
    try {
      return (await client.pubsub('CHANNELS')) as unknown[];
    } finally {
      client.disconnect();
    }
  };

  test('a restart is a gap, told once all topics are heard again, and publish works again', async () => {
    await open();
    const heard = new Set<string>();
    const topics = Array.from({ length: 2_500 }, (_, at) => `topic:${at}`);
    await Promise.all(topics.map((topic) => pubsub.subscribe(topic, (message) => heard.add(message))));
    for (let round = 0; round < 3; round += 1) {
      heard.clear();
      const gap = nextGap();
      await redis.restart();
      await gap;
      expect((await channels()).length).toBe(topics.length);
      await until(
        () =>
          pubsub.ping().then(
            () => true,
            () => false,
          ),
        'the publisher is back',
      );
      await Promise.all(topics.map((topic) => pubsub.publish(topic, topic)));
      await until(() => heard.size === topics.length, 'all topics heard');
    }
    expect(log.lines.filter((line) => line.includes('works again')).length).toBe(6);
  });

  test('topics that are being asked for are not asked for a second time, so that a restart is one gap', async () => {
    await open();
    const subscriber = new RedisSubscriber(redis.url, linkOptions);
    closing.push(() => subscriber.disconnect());
    await subscriber.connect();
    const told: string[] = [];
    for (const topic of ['a', 'b']) await subscriber.subscribe(topic, () => told.push(topic));
    expect(told).toEqual(['a', 'b']);
    const renewed = subscriber.renew();
    const retried = subscriber.retry();
    expect([await renewed, await retried]).toEqual([true, false]);
  });

  test('while Redis is down publish and ping reject at once, and what was rejected never arrives later', async () => {
    await open();
    const heard: string[] = [];
    await pubsub.subscribe('topic', (message) => heard.push(message));
    await redis.stop();
    await until(
      () =>
        pubsub.publish('topic', 'lost').then(
          () => false,
          () => true,
        ),
      'the outage is noticed',
    );
    expect(await took(() => expect(pubsub.publish('topic', 'lost')).rejects.toThrow())).toBeLessThan(1_000);
    expect(await took(() => expect(pubsub.ping()).rejects.toThrow())).toBeLessThan(1_200);
    const gap = nextGap();
    await redis.restart();
    await gap;
    await until(
      () =>
        pubsub.publish('topic', 'after').then(
          () => true,
          () => false,
        ),
      'publishing works again',
    );
    await until(() => heard.includes('after'), 'the message');
    expect(heard).toEqual(['after']);
  });

  test('a Redis that freezes rejects publish and ping in time, is noticed within 5 s and heard again after it', async () => {
    await open();
    const heard: string[] = [];
    await pubsub.subscribe('topic', (message) => heard.push(message));
    redis.pause();
    const frozenAt = performance.now();
    expect(await took(() => expect(pubsub.publish('topic', 'frozen')).rejects.toThrow())).toBeLessThan(2_000);
    expect(await took(() => expect(pubsub.ping()).rejects.toThrow())).toBeLessThan(1_200);
    await until(() => log.lines.filter((line) => line.includes('lost')).length === 2, 'both links noticed');
    expect(performance.now() - frozenAt).toBeLessThan(5_000);
    const gap = nextGap();
    redis.resume();
    await gap;
    await until(
      () =>
        pubsub.publish('topic', 'after').then(
          () => true,
          () => false,
        ),
      'publishing works again',
    );
    await until(() => heard.includes('after'), 'the message');
  });

  test('a link that dies without a word is made anew within 5 s', async () => {
    const proxy = await startProxy(redis.url);
    closing.push(() => proxy.close());
    await open(proxy.url);
    const heard: string[] = [];
    await pubsub.subscribe('topic', (message) => heard.push(message));
    const gap = nextGap();
    proxy.mute();
    proxy.unmute();
    expect(await took(() => gap)).toBeLessThan(5_000);
    await until(
      () =>
        pubsub.publish('topic', 'after').then(
          () => true,
          () => false,
        ),
      'publishing works again',
    );
    await until(() => heard.includes('after'), 'the message');
  });

  test('after a failover to another server all topics are heard there', async () => {
    const [proxy, second] = [await startProxy(redis.url), await startRedis()];
    closing.push(
      () => proxy.close(),
      () => second.stop(),
    );
    await open(proxy.url);
    const heard: string[] = [];
    await pubsub.subscribe('topic', (message) => heard.push(message));
    const gap = nextGap();
    proxy.switchTo(second.url);
    await gap;
    const other = new Redis(second.url);
    closing.push(() => other.disconnect());
    expect(await other.publish('topic', 'from another process')).toBe(1);
    await until(() => heard.includes('from another process'), 'the message');
  });

  test('the start succeeds while Redis is down; a subscription waits and is heard when it comes', async () => {
    await redis.stop();
    expect(await took(() => open())).toBeLessThan(3_000);
    await expect(pubsub.ping()).rejects.toThrow();
    const heard: string[] = [];
    const subscribed = pubsub.subscribe('topic', (message) => heard.push(message));
    const gap = nextGap();
    await redis.restart();
    await subscribed;
    await gap;
    await until(
      () =>
        pubsub.publish('topic', 'one').then(
          () => true,
          () => false,
        ),
      'publishing works',
    );
    await until(() => heard.length === 1, 'the message');
  });

  test('the start is bounded while Redis is frozen', async () => {
    redis.pause();
    expect(await took(() => open())).toBeLessThan(3_500);
  });

  test('who unsubscribed during an outage is not subscribed again after it', async () => {
    await open();
    const stop = await pubsub.subscribe('gone', () => undefined);
    await pubsub.subscribe('stays', () => undefined);
    await redis.stop();
    stop();
    const gap = nextGap();
    await redis.restart();
    await gap;
    expect(await channels()).toEqual(['stays']);
  });

  test('a topic that Redis refuses harms no other, and is heard once it is allowed', async () => {
    const admin = new Redis(redis.url);
    closing.push(() => admin.disconnect());
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', 'resetchannels', '&allowed');
    await open(redis.url.replace('redis://', 'redis://app:secret@'));
    const heard: string[] = [];
    const refused = pubsub.subscribe('refused', (message) => heard.push(message));
    await pubsub.subscribe('allowed', (message) => heard.push(message));
    expect(await admin.publish('allowed', 'one')).toBe(1);
    await admin.call('ACL', 'SETUSER', 'app', '&refused');
    await refused;
    expect(await admin.publish('refused', 'two')).toBe(1);
    await until(() => heard.length === 2, 'both messages');
  });

  test('a wrong password fails the ping, not the process, and the log does not hold it', async () => {
    await open(redis.url.replace('redis://', 'redis://app:wrong-password@'));
    await expect(pubsub.ping()).rejects.toThrow();
    expect(log.lines.join()).not.toContain('wrong-password');
  });

  test.each([
    'works',
    'is down',
    'is frozen',
    'never was there',
  ])('close takes a second at most while Redis %s, and rejects who still waits', async (state) => {
    if (state === 'never was there') await redis.stop();
    await open();
    if (state === 'works') {
      const stop = await pubsub.subscribe('topic', () => undefined);
      expect(await took(() => pubsub.close())).toBeLessThan(1_000);
      expect(await channels()).toEqual([]);
      return stop();
    }
    if (state === 'is down') await redis.stop();
    if (state === 'is frozen') redis.pause();
    const waiting = expect(pubsub.subscribe('topic', () => undefined)).rejects.toThrow('closed');
    expect(await took(() => pubsub.close())).toBeLessThan(1_500);
    await waiting;
  });
});
