import { describe, expect, test } from 'vitest';
import { createDisputeTransitions, type HeldDisputes, versionOf } from '../../../src/nouns/disputes/apply.js';
import type { Dispute } from '../../../src/nouns/disputes/row.js';
import { disputeSnapshot } from '../../../src/nouns/disputes/snapshot.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import type { Tx } from '../../../src/storage/database.js';
import { NotAnAnswerError, NotOursError } from '../../../src/stripe/answer.js';

const PAYMENT = { id: '1', version: 3, stripePaymentIntentId: 'pi_1', livemode: false } as Payment;
const DISPUTE = { id: '1', version: 2, currency: 'USD', stripeDisputeId: 'dp_1' } as Dispute;
const HELD: HeldDisputes = {
  payment: PAYMENT,
  disputes: [DISPUTE],
  changed: { payment: undefined, dispute: undefined },
};
const STRIPES = {
  id: 'dp_1',
  object: 'dispute',
  payment_intent: 'pi_1',
  charge: 'ch_1',
  status: 'won',
  amount: 1,
  currency: 'usd',
  reason: 'fraudulent',
  is_charge_refundable: false,
  livemode: false,
};

test('the version of a payment and its disputes is another one whichever of them moved, or both', () => {
  const versions = [
    HELD,
    { ...HELD, payment: { ...PAYMENT, version: 4 } },
    { ...HELD, payment: { ...PAYMENT, version: 4 }, disputes: [{ ...DISPUTE, version: 3 }] },
    {
      ...HELD,
      payment: { ...PAYMENT, version: 4 },
      disputes: [
        { ...DISPUTE, version: 3 },
        { ...DISPUTE, version: 2 },
      ],
    },
  ].map(versionOf);
  expect(versions).toEqual([5, 6, 7, 9]);
});

describe('a dispute is refused before anything is read or written', () => {
  const transitions = createDisputeTransitions({} as Parameters<typeof createDisputeTransitions>[0]);
  const apply = (change: object, held = HELD) =>
    transitions.apply({} as Tx, held, {
      snapshot: disputeSnapshot({ ...STRIPES, ...change }, 1),
      cause: { actor: 'job', body: { source: 'FETCH', object: {} }, current: true },
    });

  test.each([
    ['of another payment intent', { payment_intent: 'pi_2' }, NotOursError],
    ['of the other mode', { livemode: true }, NotAnAnswerError],
    ['of the other mode, that names no intent', { payment_intent: null, livemode: true }, NotAnAnswerError],
    ['in another currency than it had', { currency: 'eur' }, NotAnAnswerError],
  ])('%s', async (_, change, error) => {
    await expect(apply(change)).rejects.toThrow(error);
  });
});
