import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/caller.js';
import type { Payment } from '../../src/nouns/payments/row.js';
import { PAYMENT_STREAM, paymentTopic } from '../../src/nouns/payments/stream.js';
import { createLive, type Live } from '../../src/nouns/payments/watch.js';
import { createMemoryPubSub } from '../../src/outbox/memory.js';
import { publishRow } from '../../src/outbox/publisher.js';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { createRedisPubSub } from '../../src/outbox/redis.js';
import { describeWithOwnRedis, startRedis, type TestRedis } from '../harness/redis.js';
import { createLog } from '../outbox/log.js';
import { until } from '../outbox/until.js';
import { as, callerOf, createPaymentStore, type PaymentStore } from './payment-store.js';
import { isRising, readAll } from './reader.js';

const code = (expected: string) => expect.objectContaining({ code: expected });

const behaves = (create: () => Promise<PubSub>, countTopics: (pubsub: PubSub) => Promise<number>): void => {
  let store: PaymentStore;
  let pubsub: PubSub;
  let live: Live;
  let publish: (row: Payment) => Promise<void>;
  let orders = 0;

  beforeAll(async () => {
    store = await createPaymentStore();
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    pubsub = await create();
    publish = (row) => publishRow(pubsub, PAYMENT_STREAM, row);
    // Only the tests of the comparison wait for it.
    live = createLive({ pubsub, payments: store, log: createLog(), compareEveryMs: 60_000 });
  });
  afterEach(async () => {
    await live.close();
    await pubsub.close();
  });

  /** An order of alice's that nobody has used. */
  const newOrder = (): string => {
    orders += 1;
    return String(2 * orders + 1);
  };
  const change = async (id: string): Promise<number> => {
    const row = await store.bump(id);
    await publish(row);
    return row.version;
  };

  test('the current state comes first, then newer versions, with amounts and times as they are in the row', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const stream = await live.payment(id, as('alice'));
    expect((await stream.next()).value).toEqual((await store.readMany([id]))[0]);
    const row = await store.bump(id);
    await publish(row);
    const second = await stream.next();
    expect(second.value).toEqual(row);
    expect(second.value.updatedAt).toBeInstanceOf(Date);
    await stream.return?.();
  });

  test('between a message and its subscribers nothing is read', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    const readers = [];
    for (let count = 0; count < 10; count += 1) {
      readers.push(readAll(await live.payment(id, as('alice'))));
      readers.push(readAll(await live.orderPayments(orderId, as('alice'))));
    }
    const before = store.reads();
    for (let round = 0; round < 10; round += 1) await change(id);
    await Promise.all(readers.map((reader) => reader.sees(id, 11)));
    expect(store.reads()).toBe(before);
  });

  test('a change committed and published while the state is being read is not missed', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    const read = store.readMany;
    // The subscriber gets the state from before the change; the message comes before that answer.
    const racing = {
      ...store,
      readMany: async (ids: readonly string[]) => {
        const rows = await read(ids);
        await change(id);
        return rows;
      },
    };
    const other = createLive({ pubsub, payments: racing, log: createLog(), compareEveryMs: 60_000 });
    const reader = readAll(await other.payment(id, as('alice')));
    await reader.sees(id, 2);
    expect(isRising(reader.seen)).toBe(true);
    await other.close();
  });

  test('subscribing in the middle of a stream of changes ends with the newest and never sees an older one', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const readers: ReturnType<typeof readAll>[] = [];
    let last = 1;
    for (let round = 0; round < 20; round += 1) {
      const [version, stream] = await Promise.all([change(id), live.payment(id, as('alice'))]);
      last = version;
      readers.push(readAll(stream));
    }
    await Promise.all(readers.map((reader) => reader.sees(id, last)));
    expect(readers.every((reader) => isRising(reader.seen))).toBe(true);
  });

  test('duplicates and late versions are dropped', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const reader = readAll(await live.payment(id, as('alice')));
    const [second, third, fourth] = [await store.bump(id), await store.bump(id), await store.bump(id)];
    for (const row of [third, second, third, third, second, fourth]) await publish(row);
    await reader.sees(id, 4);
    expect(reader.seen.map((row) => row.version)).toEqual([1, 3, 4]);
  });

  test('a slow reader skips versions and gets the newest', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const [slow, quick] = [await live.payment(id, as('alice')), readAll(await live.payment(id, as('alice')))];
    await slow.next();
    for (let round = 0; round < 50; round += 1) await change(id);
    await quick.sees(id, 51);
    expect((await slow.next()).value.version).toBe(51);
    await slow.return?.();
  });

  test('an order shows its payments oldest first, then new ones and newer versions of each', async () => {
    const orderId = newOrder();
    const [first, second] = [await store.insert(orderId, 'alice'), await store.insert(orderId, 'alice')];
    const reader = readAll(await live.orderPayments(orderId, as('alice')));
    await reader.sees(second.id, 1);
    expect(reader.seen.map((row) => row.id)).toEqual([first.id, second.id]);
    const third = await store.insert(orderId, 'alice');
    await publish(third);
    await change(first.id);
    await Promise.all([reader.sees(third.id, 1), reader.sees(first.id, 2)]);
    expect(isRising(reader.seen)).toBe(true);
  });

  test('an order without payments shows nothing until there is one', async () => {
    const orderId = newOrder();
    const reader = readAll(await live.orderPayments(orderId, as('alice')));
    const row = await store.insert(orderId, 'alice');
    await publish(row);
    await reader.sees(row.id, 1);
    expect(reader.seen).toEqual([{ id: row.id, version: 1 }]);
  });

  test('an id written in another way is the same row', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    const reader = readAll(await live.payment(`000${id}`, as('alice')));
    const ofOrder = readAll(await live.orderPayments(`0${orderId}`, as('alice')));
    await change(id);
    await Promise.all([reader.sees(id, 2), ofOrder.sees(id, 2)]);
  });

  test.each([
    '',
    'abc',
    '-1',
    '1.5',
    '9223372036854775808',
    '1'.repeat(5_000),
    '1 or 1=1',
  ])('what is no id is NOT_FOUND, and no topic: %j', async (id) => {
    await expect(live.payment(id, as('alice'))).rejects.toEqual(code('NOT_FOUND'));
    await expect(live.orderPayments(id, as('alice'))).rejects.toEqual(code('ORDER_NOT_FOUND'));
    expect(await countTopics(pubsub)).toBe(0);
  });

  test('a missing or foreign row is NOT_FOUND, without the permission FORBIDDEN, without a token UNAUTHENTICATED, and nothing stays behind', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    const nobody = async () => callerOf(null, 'PUBLIC');
    await expect(live.payment('999999999', as('alice'))).rejects.toEqual(code('NOT_FOUND'));
    await expect(live.payment(id, as('mallory'))).rejects.toEqual(code('NOT_FOUND'));
    await expect(live.payment(id, nobody)).rejects.toEqual(code('UNAUTHENTICATED'));
    await expect(live.orderPayments('1000001', as('alice'))).rejects.toEqual(code('ORDER_NOT_FOUND'));
    await expect(live.orderPayments(orderId, as('mallory'))).rejects.toEqual(code('ORDER_NOT_FOUND'));
    await expect(live.orderPayments(orderId, async () => callerOf('guest', 'PUBLIC'))).rejects.toEqual(
      code('FORBIDDEN'),
    );
    await until(async () => (await countTopics(pubsub)) === 0, 'no topic is left');
    const admin = readAll(await live.payment(id, as('admin', 'PAYMENT_READ_ANY')));
    await admin.sees(id, 1);
  });

  test('a permission lost while watching ends the stream at the next message, before the row is shown', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    let caller: Caller = callerOf('alice', 'PAYMENT_READ');
    const streams = [await live.payment(id, async () => caller), await live.orderPayments(orderId, async () => caller)];
    const readers = streams.map(readAll);
    await Promise.all(readers.map((reader) => reader.sees(id, 1)));
    caller = callerOf('alice', 'PUBLIC');
    await change(id);
    for (const reader of readers) {
      await expect(reader.ended).rejects.toEqual(code('FORBIDDEN'));
      expect(reader.seen).toEqual([{ id, version: 1 }]);
    }
    await until(async () => (await countTopics(pubsub)) === 0, 'no topic is left');
  });

  test('who may no longer read any ends with NOT_FOUND at the next message', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    let caller: Caller = callerOf('admin', 'PAYMENT_READ', 'PAYMENT_READ_ANY');
    const one = readAll(await live.payment(id, async () => caller));
    const all = readAll(await live.orderPayments(orderId, async () => caller));
    await Promise.all([one.sees(id, 1), all.sees(id, 1)]);
    caller = callerOf('admin', 'PAYMENT_READ');
    await change(id);
    await expect(one.ended).rejects.toEqual(code('NOT_FOUND'));
    await expect(all.ended).rejects.toEqual(code('ORDER_NOT_FOUND'));
  });

  test('return ends a pending next at once, and a stream that ended stays ended', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const stream = await live.payment(id, as('alice'));
    await stream.next();
    const pending = [stream.next(), stream.next()];
    await stream.return?.();
    for (const next of pending) expect((await next).done).toBe(true);
    expect((await stream.next()).done).toBe(true);
    await change(id);
    expect((await stream.next()).done).toBe(true);
    await until(async () => (await countTopics(pubsub)) === 0, 'no topic is left');
  });

  test('many subscribers share one subscription, and the abrupt end of 200 leaves none', async () => {
    const orderId = newOrder();
    const { id } = await store.insert(orderId, 'alice');
    const streams = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        at % 2 === 0 ? live.payment(id, as('alice')) : live.orderPayments(orderId, as('alice')),
      ),
    );
    expect(await countTopics(pubsub)).toBe(2);
    await Promise.all(
      streams.map((stream, at) => (at % 3 === 0 ? stream.return?.() : [stream.next(), stream.return?.()])),
    );
    await until(async () => (await countTopics(pubsub)) === 0, 'no topic is left');
  });

  test('closing ends every stream without an error, also those that are being started', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const started = readAll(await live.payment(id, as('alice')));
    const starting = live.payment(id, as('alice'));
    await started.sees(id, 1);
    await live.close();
    await started.ended;
    const late = await starting.catch(() => undefined);
    expect(late === undefined || (await readAll(late).ended) === undefined).toBe(true);
    await expect(live.payment(id, as('alice'))).rejects.toThrow('closed');
  });

  test('a message that was lost shows at the next comparison, one query for all that is watched', async () => {
    const compared = createLive({ pubsub, payments: store, log: createLog(), compareEveryMs: 50 });
    const [orderId, empty] = [newOrder(), newOrder()];
    const rows = [await store.insert(orderId, 'alice'), await store.insert(orderId, 'alice')];
    const readers = [
      ...(await Promise.all(rows.map(async ({ id }) => readAll(await compared.payment(id, as('alice')))))),
      readAll(await compared.orderPayments(orderId, as('alice'))),
      readAll(await compared.orderPayments(empty, as('alice'))),
    ];
    const [first, second] = rows;
    if (!first || !second) throw new Error('No rows.');
    await Promise.all([first, second].map((row) => store.bump(row.id)));
    const unheard = await store.insert(empty, 'alice');
    await Promise.all([
      readers[0]?.sees(first.id, 2),
      readers[1]?.sees(second.id, 2),
      readers[2]?.sees(first.id, 2),
      readers[2]?.sees(second.id, 2),
      readers[3]?.sees(unheard.id, 1),
    ]);
    expect(readers.every((reader) => isRising(reader.seen))).toBe(true);
    await compared.close();
    const before = store.reads();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(store.reads()).toBe(before);
  });

  test('nothing is read on a schedule while nobody watches', async () => {
    const compared = createLive({ pubsub, payments: store, log: createLog(), compareEveryMs: 20 });
    const { id } = await store.insert(newOrder(), 'alice');
    const stream = await compared.payment(id, as('alice'));
    const watched = store.reads();
    await until(() => store.reads() > watched + 2, 'comparisons while watched');
    await stream.return?.();
    await until(async () => (await countTopics(pubsub)) === 0, 'no topic is left');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = store.reads();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(store.reads()).toBe(before);
    await compared.close();
  });

  test('a message that is no row is logged, and the stream goes on', async () => {
    const { id } = await store.insert(newOrder(), 'alice');
    const reader = readAll(await live.payment(id, as('alice')));
    for (const message of ['', 'null', '{}', '[1]', '{"id":1}']) await pubsub.publish(paymentTopic(id), message);
    await change(id);
    await reader.sees(id, 2);
  });
};

describe('in memory', () => {
  const open = new WeakMap<PubSub, Set<string>>();
  behaves(
    async () => {
      const memory = createMemoryPubSub();
      const names = new Set<string>();
      const counted: PubSub = {
        ...memory,
        subscribe: async (topic, listener) => {
          const stop = await memory.subscribe(topic, listener);
          names.add(topic);
          return () => {
            names.delete(topic);
            stop();
          };
        },
      };
      open.set(counted, names);
      return counted;
    },
    async (pubsub) => open.get(pubsub)?.size ?? 0,
  );
});

// A server of its own: payments of other databases have the same ids, so the same topics.
describeWithOwnRedis('through Redis', () => {
  let redis: TestRedis;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });
  behaves(
    () => createRedisPubSub({ url: redis.url, log: createLog() }),
    async () => ((await client.pubsub('CHANNELS', 'tollgate:*')) as unknown[]).length,
  );
});
