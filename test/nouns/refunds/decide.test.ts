import { describe, expect, test } from 'vitest';
import { REFUND_STATUSES } from '../../../src/core/states.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { inOrder, isEnded, noteOf, overshoots, rowOf } from '../../../src/nouns/refunds/decide.js';
import type { Refund } from '../../../src/nouns/refunds/row.js';
import type { RefundSnapshot } from '../../../src/stripe/refund-snapshot.js';

const refund = (given: Partial<Refund> = {}): Refund =>
  ({ id: '1', amount: 4_000, currency: 'USD', status: 'PENDING', stripeRefundId: null, ...given }) as Refund;
const snapshot = (given: Partial<RefundSnapshot> = {}): RefundSnapshot =>
  ({ refundId: 're_1', amount: 4_000, currency: 'USD', signal: 'succeed', ...given }) as RefundSnapshot;
const payment = (given: Partial<Payment> = {}): Payment =>
  ({ currency: 'USD', amountReceived: 10_000, amountRefunded: 0, amountRefundPending: 0, ...given }) as Payment;

describe('the row of a refund of Stripe’s', () => {
  const marked = refund({ id: '1' });
  const known = refund({ id: '2', stripeRefundId: 're_1' });

  test('is the one that its mark names, else the one that knows its id, else none', () => {
    expect(rowOf([known, marked], snapshot(), '1')).toEqual({ row: marked, contradicts: false });
    expect(rowOf([marked, known], snapshot(), null)).toEqual({ row: known, contradicts: false });
    expect(rowOf([marked, known], snapshot(), '3')).toEqual({ row: known, contradicts: false });
    expect(rowOf([marked], snapshot(), null)).toEqual({ row: undefined, contradicts: false });
    expect(rowOf([marked, refund({ id: '2', stripeRefundId: 're_2' })], snapshot(), null).row).toBeUndefined();
  });

  test.each([
    ['amount', { amount: 4_001 }],
    ['currency', { currency: 'EUR' }],
    ['id', { stripeRefundId: 're_2' }],
  ])('contradicts one that knows another %s', (_, other) => {
    expect(rowOf([refund(other)], snapshot(), '1').contradicts).toBe(true);
    expect(rowOf([refund({ stripeRefundId: 're_1' })], snapshot(), '1').contradicts).toBe(false);
  });
});

test('what ended badly is applied before what takes money, and all else as it was given', () => {
  const all = (['succeed', 'fail', 'await', 'cancel', 'act'] as const).map((signal) => snapshot({ signal }));
  expect(inOrder(all).map(({ signal }) => signal)).toEqual(['fail', 'cancel', 'succeed', 'await', 'act']);
});

describe('a refund that Stripe made contradicts what we know', () => {
  const other = refund({ id: '2', status: 'REFUNDED', amount: 6_001 });

  test('if confirmed refunds and it come to more than was received, by a cent', () => {
    expect(overshoots({ payment: payment(), refunds: [other] }, undefined, snapshot())).toBe(true);
    expect(overshoots({ payment: payment(), refunds: [{ ...other, amount: 6_000 }] }, undefined, snapshot())).toBe(
      false,
    );
    expect(overshoots({ payment: payment(), refunds: [] }, undefined, snapshot({ amount: 10_001 }))).toBe(true);
  });

  test('not because of itself, of one that isn’t confirmed, or before it succeeds', () => {
    const both = [
      refund({ status: 'REFUNDED', amount: 4_000 }),
      refund({ id: '2', status: 'REFUNDED', amount: 6_000 }),
    ];
    expect(overshoots({ payment: payment(), refunds: both }, both[0], snapshot())).toBe(false);
    for (const status of REFUND_STATUSES)
      expect(overshoots({ payment: payment(), refunds: [{ ...other, status }] }, undefined, snapshot()), status).toBe(
        status === 'REFUNDED',
      );
    for (const signal of ['await', 'act', 'fail', 'cancel'] as const)
      expect(overshoots({ payment: payment(), refunds: [other] }, undefined, snapshot({ signal })), signal).toBe(false);
  });
});

test('the timeline says which refund is what, and of a surplus what refunds take of what', () => {
  const done = refund({ status: 'REFUNDED' });
  expect(noteOf(done, payment({ amountRefunded: 4_000, amountRefundPending: 6_000 }))).toBe(
    'refund 1 of 40.00 USD is REFUNDED',
  );
  expect(noteOf(done, payment({ amountRefunded: 4_000, amountRefundPending: 6_001 }))).toBe(
    'refund 1 of 40.00 USD is REFUNDED; refunds take 100.01 USD of 100.00 USD',
  );
});

test('a refund that failed or was cancelled holds its amount no more, nor does one that is done', () => {
  expect(REFUND_STATUSES.filter(isEnded)).toEqual(['REFUNDED', 'FAILED', 'CANCELED']);
});
