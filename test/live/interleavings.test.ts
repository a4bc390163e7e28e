import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/nouns/payments/row.js';
import { PAYMENT_STREAM } from '../../src/nouns/payments/stream.js';
import { createLive } from '../../src/nouns/payments/watch.js';
import type { PubSub } from '../../src/outbox/pubsub.js';
import { encodeRow } from '../../src/outbox/stream.js';
import { createLog } from '../outbox/log.js';
import { as } from './payment-store.js';
import { isRising } from './reader.js';

/** One step of a history. Messages that no `deliver` picks are lost; those picked twice or late come so. */
type Step =
  | { readonly kind: 'commit'; readonly row: number }
  | { readonly kind: 'deliver'; readonly message: number }
  | { readonly kind: 'subscribe'; readonly row: number; readonly wholeOrder: boolean }
  | { readonly kind: 'acknowledge' | 'answer' | 'read'; readonly which: number }
  | { readonly kind: 'gap' };

const index = fc.nat({ max: 1_000 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const), row: fc.nat({ max: 3 }) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('deliver' as const), message: index }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('subscribe' as const),
        row: fc.nat({ max: 3 }),
        wholeOrder: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), which: index }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: index }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), which: index }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('gap' as const) }) },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

/** A world in which every acknowledgement, database answer and message comes when a step says so. */
const createWorld = () => {
  const rows = new Map<string, Payment>();
  const committed: Payment[] = [];
  const undelivered = new Set<number>();
  const acknowledgements: (() => void)[] = [];
  const answers: (() => void)[] = [];
  const listeners = new Map<string, Set<(message: string) => void>>();
  const gaps = new Set<() => void>();

  /** The state of the moment of asking, told at any later time. */
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => answers.push(() => resolve(value)));
  const select = (wanted: (row: Payment) => boolean): Payment[] => [...rows.values()].filter(wanted);
  const pubsub: Pick<PubSub, 'subscribe' | 'onGap'> = {
    subscribe: (topic, listener) =>
      new Promise((resolve) => {
        acknowledgements.push(() => {
          const heard = listeners.get(topic) ?? new Set();
          listeners.set(topic, heard.add(listener));
          resolve(() => heard.delete(listener));
        });
      }),
    onGap(listener) {
      gaps.add(listener);
      return () => gaps.delete(listener);
    },
  };
  const payments = {
    readMany: (ids: readonly string[]) => later(select((row) => ids.includes(row.id))),
    readOfOrder: (orderId: string) => later(select((row) => row.orderId === orderId)),
    versionsOf: (ids: readonly string[], orderIds: readonly string[]) =>
      later(select((row) => ids.includes(row.id) || orderIds.includes(row.orderId))),
    changedLast: () => later(select(() => true)),
    findWatchable: async (orderId: string) => orderId,
  };
  const commit = (row: number): void => {
    const [id, orderId] = [String(row + 1), String(1 + (row % 2))];
    const version = (rows.get(id)?.version ?? 0) + 1;
    const next = { id, orderId, accountId: 'alice', version } as Payment;
    rows.set(id, next);
    undelivered.add(committed.push(next) - 1);
  };
  const deliver = (message: number): void => {
    const at = message % committed.length;
    const row = committed[at];
    if (!row) return;
    undelivered.delete(at);
    for (const topic of PAYMENT_STREAM.topics(row))
      for (const listener of listeners.get(topic) ?? []) listener(encodeRow(row));
  };
  const release = (waiting: (() => void)[], which: number): void =>
    waiting.splice(which % (waiting.length || 1), 1)[0]?.();
  const tellGap = (): void => {
    for (const listener of gaps) listener();
  };
  return { rows, pubsub, payments, acknowledgements, answers, undelivered, commit, deliver, release, tellGap, select };
};

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Plays the history and then either delivers what was not delivered yet, or loses it for good and compares: either way
 * each subscriber has seen rising versions and ends with the newest.
 */
const holds = (end: 'messages' | 'comparison') =>
  fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const world = createWorld();
      const live = createLive({ ...world, log: createLog(), compareEveryMs: 60_000 });
      world.commit(0);
      const subscribers: { covers: (row: Payment) => boolean; seen: Payment[]; read?: () => void }[] = [];

      const subscribe = (row: number, wholeOrder: boolean): void => {
        const [id, orderId] = [String(row + 1), String(1 + (row % 2))];
        if (!wholeOrder && !world.rows.has(id)) return;
        const subscriber: (typeof subscribers)[number] = {
          covers: wholeOrder ? (other) => other.orderId === orderId : (other) => other.id === id,
          seen: [],
        };
        subscribers.push(subscriber);
        const stream = wholeOrder ? live.orderPayments(orderId, as('alice')) : live.payment(id, as('alice'));
        void stream.then((started) => {
          subscriber.read = () =>
            void started.next().then(({ value, done }) => void (done || subscriber.seen.push(value as Payment)));
        });
      };
      for (const step of history) {
        if (step.kind === 'commit') world.commit(step.row);
        if (step.kind === 'deliver') world.deliver(step.message);
        if (step.kind === 'subscribe') subscribe(step.row, step.wholeOrder);
        if (step.kind === 'acknowledge') world.release(world.acknowledgements, step.which);
        if (step.kind === 'answer') world.release(world.answers, step.which);
        if (step.kind === 'read') subscribers[step.which % (subscribers.length || 1)]?.read?.();
        if (step.kind === 'gap' && end === 'comparison') world.tellGap();
        await settle();
      }

      while (world.acknowledgements.length > 0) world.release(world.acknowledgements, 0);
      if (end === 'comparison') world.tellGap();
      else for (const message of [...world.undelivered].reverse()) world.deliver(message);
      await settle();
      while (world.answers.length > 0) {
        world.release(world.answers, 0);
        await settle();
      }
      for (const { read } of subscribers) for (let row = 0; row < 8; row += 1) read?.();
      await settle();

      for (const { covers, seen } of subscribers) {
        expect(isRising(seen)).toBe(true);
        for (const row of world.select(covers))
          expect(seen.findLast((shown) => shown.id === row.id)?.version).toBe(row.version);
      }
      await live.close();
    }),
    { numRuns: 500 },
  );

test(
  'messages repeated, reordered or late: versions rise and the newest is shown, without any comparison',
  () => holds('messages'),
  60_000,
);

test(
  'messages lost as well: versions rise and the newest is shown after a comparison',
  () => holds('comparison'),
  60_000,
);
