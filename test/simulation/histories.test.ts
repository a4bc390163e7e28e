import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OrderHistory, playHistories } from '../../simulation/histories.js';
import { type Lab, openLab } from '../../simulation/lab.js';
import type { Operation } from '../../simulation/linearizable.js';
import { isLinearizable, type OrderInput, type OrderOutput } from '../../simulation/order-model.js';

type Call = readonly [input: OrderInput, output: OrderOutput | undefined, calledAt: number, answeredAt: number];
const fits = (...calls: readonly Call[]): boolean =>
  isLinearizable(
    calls.map(
      ([input, output, calledAt, answeredAt]): Operation<OrderInput, OrderOutput> => ({
        input,
        output,
        calledAt,
        answeredAt: output === undefined ? Number.POSITIVE_INFINITY : answeredAt,
      }),
    ),
  );

const paid = (at: number, id = '1'): Call => [{ does: 'pay' }, { id, status: 'PENDING' }, at, at + 1];
const confirmed = (at: number): Call => [
  { does: 'confirm', id: '1' },
  { id: '1', status: 'requires_capture' },
  at,
  at + 1,
];
const capture = (amount: number) => ({ does: 'capture', id: '1', amount }) as const;
const taken = (amount: number) => ({ id: '1', status: 'SUCCESSFUL', amountReceived: amount, amountRefundable: amount });
const captured = (at: number, amount = 10_000): Call => [capture(amount), taken(amount), at, at + 1];
const refund = (amount: number) => ({ does: 'refund', id: '1', amount }) as const;
const refunded = (amount: number, from: number, to = from + 1): Call => [
  refund(amount),
  { id: '9', status: 'PENDING' },
  from,
  to,
];
const cancel = { does: 'cancel', id: '1' } as const;
const read = { does: 'read', id: '1' } as const;
const canceled = (from: number, to: number): Call => [cancel, { id: '1', status: 'CANCELED' }, from, to];
const refusedAtStripe = (at: number): Call => [
  { does: 'confirm', id: '1' },
  { code: 'payment_intent_unexpected_state' },
  at,
  at + 1,
];
const stillPending = (at: number): Call => [
  read,
  { id: '1', status: 'PENDING', amountReceived: 0, amountRefundable: 0 },
  at,
  at + 1,
];

describe('the checker, on histories of which it is known', () => {
  test('one after the other, overlapping and with lost answers, they fit', () => {
    expect(fits()).toBe(true);
    expect(fits(paid(0), paid(2), confirmed(4), captured(6), refunded(10_000, 8), paid(10, '2'))).toBe(true);
    // At once in either order; the one that came second was refused.
    expect(
      fits(
        paid(0),
        confirmed(2),
        captured(4),
        [refund(6_000), { code: 'REFUND_EXCEEDS_PAYMENT' }, 6, 9],
        refunded(6_000, 7, 8),
      ),
    ).toBe(true);
    // A capture without an answer took effect long after its call.
    expect(
      fits(
        paid(0),
        confirmed(2),
        [capture(10_000), undefined, 4, 0],
        [read, { id: '1', status: 'REQUIRES_CAPTURE', amountReceived: 0, amountRefundable: 0 }, 6, 7],
        refunded(10_000, 8),
      ),
    ).toBe(true);
    expect(fits(paid(0), [cancel, undefined, 2, 0], confirmed(4), captured(6))).toBe(true);
    // Stripe had cancelled it, and our server had not heard of it yet.
    expect(fits(paid(0), canceled(2, 9), refusedAtStripe(3), stillPending(5))).toBe(true);
    expect(fits([{ does: 'pay' }, undefined, 0, 0], paid(2))).toBe(true);
  });

  test.each<readonly [string, readonly Call[]]>([
    ['two open attempts for one order', [paid(0, '1'), paid(2, '2')]],
    [
      '… also at once',
      [
        [{ does: 'pay' }, { id: '1', status: 'PENDING' }, 0, 5],
        [{ does: 'pay' }, { id: '2', status: 'PENDING' }, 1, 4],
      ],
    ],
    [
      'more refunded than was received',
      [paid(0), confirmed(2), captured(4), refunded(6_000, 6, 9), refunded(6_000, 7, 8)],
    ],
    ['a refund before the money was there', [paid(0), confirmed(2), refunded(3_000, 4), captured(6)]],
    ['two captures of different amounts', [paid(0), confirmed(2), captured(4, 6_000), captured(6, 3_000)]],
    ['a capture after a cancel', [paid(0), confirmed(2), canceled(4, 5), captured(6)]],
    [
      'a refusal to take what is held',
      [paid(0), confirmed(2), [capture(10_000), { code: 'ILLEGAL_TRANSITION' }, 4, 5]],
    ],
    ['a second payment of a paid order', [paid(0), confirmed(2), captured(4), paid(6, '2')]],
    ['a refusal to pay what was never paid', [paid(0), [{ does: 'pay' }, { code: 'ORDER_ALREADY_PAID' }, 2, 3]]],
    [
      'a read that forgets what was taken',
      [
        paid(0),
        confirmed(2),
        captured(4),
        [read, { id: '1', status: 'PENDING', amountReceived: 0, amountRefundable: 0 }, 6, 7],
      ],
    ],
    [
      'a read that forgets a refund',
      [paid(0), confirmed(2), captured(4), refunded(3_000, 6), [read, taken(10_000), 8, 9]],
    ],
    ['a read that forgets a cancel', [paid(0), canceled(2, 3), stillPending(4)]],
    ['a confirmation after Stripe had refused one', [paid(0), canceled(2, 9), refusedAtStripe(3), confirmed(5)]],
    ['a refused confirmation before anybody cancels', [paid(0), refusedAtStripe(2), canceled(4, 5)]],
    ['an answer that nobody foresaw', [paid(0), [cancel, { code: 'INTERNAL' }, 2, 3]]],
    [
      'a payment that nobody began',
      [[read, { id: '1', status: 'PENDING', amountReceived: 0, amountRefundable: 0 }, 0, 1]],
    ],
  ])('%s: refused', (_, calls) => expect(fits(...calls)).toBe(false));
});

describe('pay, capture, refund and cancel of many clients at once, with lost answers', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(() => lab.close());
  const told = ({ seed, operations }: OrderHistory): string =>
    [`seed ${seed}`, ...operations.map((operation) => JSON.stringify(operation))].join('\n');

  test('on two servers, each answer is one that a single server gives to one after the other', {
    timeout: 300_000,
  }, async () => {
    const done: OrderHistory[] = [];
    const ended = (history: OrderHistory) => done.push(history);
    const calls = () => done.flatMap(({ operations }) => operations);
    const succeeded = (does: string): boolean =>
      calls().some(({ input, output }) => input.does === does && output && 'id' in output);
    const missing = (): string[] => ['pay', 'capture', 'refund', 'cancel'].filter((does) => !succeeded(does));
    // Clients race, so which calls succeed differs from run to run: it goes on until each kind has.
    for (let firstSeed = 1; firstSeed <= 8 || (firstSeed <= 80 && missing().length > 0); firstSeed += 4) {
      const wrong = await playHistories(lab, { firstSeed, count: 4, atOnce: 4, ended });
      expect(wrong, wrong.map(told).join('\n')).toEqual([]);
    }
    expect(missing()).toEqual([]);
    expect(calls().length).toBe(done.length * 20);
    expect(calls().some(({ output }) => output === undefined)).toBe(true);
  });

  const SEEN = { 'no-locks': /"pay"|"capture"|"refund"/, 'reservation-ignored': /"refund".*"status"/ };
  test.each(['no-locks', 'reservation-ignored'] as const)('the bug %s is seen', { timeout: 300_000 }, async (bug) => {
    const wrong = await playHistories(lab, { firstSeed: 1, count: 60, atOnce: 4, bug, stopsAtWrong: true });
    expect(wrong).not.toEqual([]);
    expect(SEEN[bug].test(wrong.map(told).join('\n'))).toBe(true);
  });
});
