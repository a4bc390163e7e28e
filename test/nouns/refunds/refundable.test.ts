import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAYMENT_STATUSES } from '../../../src/core/states.js';
import {
  amountRefundable,
  isSettledOutOfBand,
  REFUND_STATES,
  type ReceivedMoney,
  refundState,
} from '../../../src/nouns/refunds/refundable.js';

const money = (given: Partial<ReceivedMoney>): ReceivedMoney => ({
  status: 'SUCCESSFUL',
  amountReceived: 10_000,
  amountRefunded: 0,
  amountRefundPending: 0,
  ...given,
});

test('a refund may take what was received less what went back and what is under way, to the cent', () => {
  expect(amountRefundable(money({}))).toBe(10_000);
  expect(amountRefundable(money({ amountRefunded: 3_000, amountRefundPending: 2_000 }))).toBe(5_000);
  expect(amountRefundable(money({ amountRefunded: 10_000 }))).toBe(0);
  expect(amountRefundable(money({ amountRefunded: 9_999 }))).toBe(1);
  expect(amountRefundable(money({ amountRefunded: 9_000, amountRefundPending: 2_000 }))).toBe(0);
});

test('of a payment that isn’t SUCCESSFUL nothing is refundable, whatever it received', () => {
  for (const status of PAYMENT_STATUSES)
    expect(amountRefundable(money({ status })), status).toBe(status === 'SUCCESSFUL' ? 10_000 : 0);
});

test('refunds that each take what is refundable never come to more than was received', () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.array(fc.tuple(fc.nat(1e9), fc.boolean())), (amountReceived, refunds) => {
      let now = money({ amountReceived });
      for (const [asked, isPending] of refunds) {
        const taken = Math.min(asked, amountRefundable(now));
        const key = isPending ? 'amountRefundPending' : 'amountRefunded';
        now = { ...now, [key]: now[key] + taken };
      }
      expect(now.amountRefunded + now.amountRefundPending).toBeLessThanOrEqual(amountReceived);
      expect(amountRefundable(now)).toBe(amountReceived - now.amountRefunded - now.amountRefundPending);
    }),
  );
});

test('nothing, a part or all went back: a payment without money never had a refund', () => {
  const state = (amountReceived: number, amountRefunded: number) => refundState({ amountReceived, amountRefunded });
  expect([state(10_000, 0), state(10_000, 1), state(10_000, 9_999), state(10_000, 10_000)]).toEqual([
    'NONE',
    'PARTIAL',
    'PARTIAL',
    'FULL',
  ]);
  expect(state(0, 0)).toBe('NONE');
  expect(state(1, 1)).toBe('FULL');
  expect(REFUND_STATES).toEqual(['NONE', 'PARTIAL', 'FULL']);
});

test('only a SUCCESSFUL payment with a part that Stripe didn’t collect was settled out of band', () => {
  for (const status of PAYMENT_STATUSES) {
    expect(isSettledOutOfBand({ status, amountSettledElsewhere: 0 }), status).toBe(status === 'SUCCESSFUL');
    expect(isSettledOutOfBand({ status, amountSettledElsewhere: null }), status).toBe(false);
  }
});
