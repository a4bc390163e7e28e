import { describe, expect, test } from 'vitest';
import { PAYMENT_STATUSES } from '../../../src/core/states.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { assertRefundable, checkReason } from '../../../src/nouns/refunds/reserve.js';

const ACCESS = { livemode: false, account: 'acct_1' };
const payment = (given: Partial<Payment> = {}): Payment =>
  ({
    id: '1',
    status: 'SUCCESSFUL',
    currency: 'USD',
    amountReceived: 10_000,
    amountRefunded: 3_000,
    amountRefundPending: 2_000,
    amountSettledElsewhere: null,
    livemode: false,
    stripeAccount: 'acct_1',
    ...given,
  }) as Payment;

/** The code that it is refused with; undefined where it may be. */
const refusal = (amount: number, given: Partial<Payment> = {}, access = ACCESS): string | undefined => {
  try {
    assertRefundable(payment(given), amount, access);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const words = (given: Partial<Payment>): string => {
  try {
    assertRefundable(payment(given), 1, ACCESS);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a refund may be', () => {
  test('as large as what is left, and not a cent larger', () => {
    expect([5_000, 5_001].map((amount) => refusal(amount))).toEqual([undefined, 'REFUND_EXCEEDS_PAYMENT']);
    expect([0, -1, 1.5].map((amount) => refusal(amount))).toEqual(Array(3).fill('AMOUNT_INVALID'));
  });

  test('of a SUCCESSFUL payment alone', () => {
    for (const status of PAYMENT_STATUSES)
      expect(refusal(1, { status }), status).toBe(status === 'SUCCESSFUL' ? undefined : 'PAYMENT_NOT_REFUNDABLE');
  });

  test('of money that Stripe received, be it one cent', () => {
    const none = { amountReceived: 0, amountRefunded: 0, amountRefundPending: 0 };
    expect(refusal(1, { ...none, amountReceived: 1 })).toBeUndefined();
    expect(refusal(1, none)).toBe('PAYMENT_NOT_REFUNDABLE');
    expect(words(none)).toContain('Stripe received no money');
    expect(words({ ...none, amountSettledElsewhere: 10_000 })).toContain('out of band');
  });

  test('with the keys of the account and the mode that it was paid with', () => {
    expect(refusal(1, {}, { ...ACCESS, livemode: true })).toBe('PAYMENT_NOT_REFUNDABLE');
    expect(refusal(1, {}, { ...ACCESS, account: 'acct_2' })).toBe('PAYMENT_NOT_REFUNDABLE');
  });
});

test('a reason has 500 characters at most', () => {
  expect(() => checkReason({ reason: 'x'.repeat(500) })).not.toThrow();
  expect(() => checkReason({})).not.toThrow();
  expect(() => checkReason({ reason: 'x'.repeat(501) })).toThrow('at most 500');
});
