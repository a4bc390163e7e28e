import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Payment } from '../../src/nouns/payments/row.js';
import { PAYMENT_STREAM } from '../../src/nouns/payments/stream.js';
import { createLive, type Live } from '../../src/nouns/payments/watch.js';
import { publishRow } from '../../src/outbox/publisher.js';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { createRedisPubSub } from '../../src/outbox/redis.js';
import { describeWithOwnRedis, startRedis, type TestRedis } from '../harness/redis.js';
import { createLog } from '../outbox/log.js';
import { until } from '../outbox/until.js';
import { as, createPaymentStore, type PaymentStore } from './payment-store.js';
import { isRising, type Reader, readAll } from './reader.js';

describeWithOwnRedis('live status while Redis fails', () => {
  let store: PaymentStore;
  let redis: TestRedis;
  let here: PubSub;
  let elsewhere: PubSub;
  let publish: (row: Payment) => Promise<void>;
  let live: Live;

  beforeAll(async () => {
    store = await createPaymentStore();
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    redis = await startRedis();
    here = await createRedisPubSub({ url: redis.url, log: createLog() });
    elsewhere = await createRedisPubSub({ url: redis.url, log: createLog() });
    publish = (row) => publishRow(elsewhere, PAYMENT_STREAM, row);
    // The comparison on a schedule must not be what mends it, unless a test says so.
    live = createLive({ pubsub: here, payments: store, log: createLog(), compareEveryMs: 60_000 });
  });
  afterEach(async () => {
    redis.resume();
    await live.close();
    await Promise.all([here.close(), elsewhere.close()]);
    await redis.stop();
  });

  /** Publishes as the outbox does: again until it is known to have arrived. */
  const publishSurely = async (id: string): Promise<void> => {
    const [row] = await store.readMany([id]);
    if (!row) throw new Error('No row.');
    await until(
      () =>
        publish(row).then(
          () => true,
          () => false,
        ),
      'the row is published',
    );
  };
  const watchAll = async (count: number): Promise<{ ids: string[]; readers: Reader[] }> => {
    const rows = await Promise.all(Array.from({ length: count }, () => store.insert('1', 'alice')));
    const ids = rows.map((row) => row.id);
    const readers = await Promise.all(ids.map(async (id) => readAll(await live.payment(id, as('alice')))));
    return { ids, readers };
  };
  const endsWithNewest = async (ids: string[], readers: Reader[]): Promise<void> => {
    const newest = new Map((await store.readMany(ids)).map((row) => [row.id, row.version]));
    await Promise.all(readers.map((reader, at) => reader.sees(ids[at] ?? '', newest.get(ids[at] ?? '') ?? 0)));
    expect(readers.every((reader) => isRising(reader.seen))).toBe(true);
  };

  test('what is published while the subscriber is cut off shows when it is back, though nobody repeats it', async () => {
    const admin = new Redis(redis.url);
    const { ids, readers } = await watchAll(20);
    for (let round = 0; round < 5; round += 1) {
      await admin.client('KILL', 'TYPE', 'PUBSUB');
      for (const id of ids) await publish(await store.bump(id));
      await endsWithNewest(ids, readers);
    }
    admin.disconnect();
  });

  test('restarts of Redis in the middle of changes: every subscriber ends with the newest, none sees an older one', async () => {
    const { ids, readers } = await watchAll(50);
    for (let round = 0; round < 3; round += 1) {
      const restarted = redis.restart();
      for (const id of ids) await publish(await store.bump(id)).catch(() => undefined);
      await restarted;
      await Promise.all(ids.map(publishSurely));
      await endsWithNewest(ids, readers);
    }
  });

  test('Redis frozen for seconds: every subscriber ends with the newest, none sees an older one', async () => {
    const { ids, readers } = await watchAll(50);
    redis.pause();
    await Promise.all(ids.map((id) => store.bump(id).then((row) => publish(row).catch(() => undefined))));
    await until(
      () =>
        here.ping().then(
          () => false,
          (error: Error) => error.message.includes('writeable'),
        ),
      'the frozen link was given up',
    );
    await Promise.all(ids.map((id) => store.bump(id)));
    redis.resume();
    await Promise.all(ids.map(publishSurely));
    await endsWithNewest(ids, readers);
  });

  test('subscribing while Redis is down shows the current state, then changes by comparison, then messages again', async () => {
    const { id } = await store.insert('1', 'alice');
    const compared = createLive({ pubsub: here, payments: store, log: createLog(), compareEveryMs: 50 });
    await redis.stop();
    const startedAt = performance.now();
    const reader = readAll(await compared.payment(id, as('alice')));
    await reader.sees(id, 1);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await store.bump(id);
    await reader.sees(id, 2);
    await compared.close();

    const later = readAll(await live.payment(id, as('alice')));
    await store.bump(id);
    await redis.restart();
    await later.sees(id, 3);
    await store.bump(id);
    await publishSurely(id);
    await later.sees(id, 4);
  });

  test('subscribers that leave while Redis is down leave nothing when it is back', async () => {
    const { ids } = await watchAll(0);
    const rows = await Promise.all(Array.from({ length: 20 }, () => store.insert('1', 'alice')));
    ids.push(...rows.map((row) => row.id));
    const before = await Promise.all(ids.map((id) => live.payment(id, as('alice'))));
    await redis.stop();
    const during = await Promise.all(ids.map((id) => live.orderPayments(id.replace(/.*/, '1'), as('alice'))));
    await Promise.all([...before, ...during].map((stream) => stream.return?.()));
    await redis.restart();
    const admin = new Redis(redis.url);
    const stays = await live.payment(ids[0] ?? '', as('alice'));
    await until(async () => {
      const channels = (await admin.pubsub('CHANNELS')) as unknown[];
      return channels.length === 1 && channels[0] === `tollgate:payment:${ids[0]}`;
    }, 'only the watched topic is left');
    await stays.return?.();
    admin.disconnect();
  });
});
