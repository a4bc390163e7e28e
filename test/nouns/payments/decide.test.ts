import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAYMENT_NEXT, PAYMENT_SIGNALS, PAYMENT_STATUSES, type PaymentSignal } from '../../../src/core/states.js';
import {
  asItIs,
  type Cause,
  callbackDataOf,
  flowSubjectOf,
  judge,
  mayLeaveOthers,
  signalFor,
  updateOf,
  versionOf,
} from '../../../src/nouns/payments/decide.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import type { PaymentFacts } from '../../../src/stripe/translate.js';
import { factsOf } from '../../harness/facts.js';

const SEEN = 1_700_000_000;
const payment = (given: Partial<Payment> = {}): Payment =>
  ({
    id: '7',
    orderId: '3',
    version: 2,
    status: 'PENDING',
    amount: 10_000,
    currency: 'USD',
    captureMethod: 'AUTOMATIC',
    amountReceived: 0,
    amountSettledElsewhere: null,
    stripePaymentIntentId: 'pi_1',
    stripeInvoiceId: null,
    stripeChargeId: null,
    failureCode: null,
    failureMessage: null,
    askedFor: null,
    askedBy: null,
    seenAt: new Date(SEEN * 1_000),
    ...given,
  }) as Payment;
const facts = (given: Partial<PaymentFacts> = {}): PaymentFacts => factsOf('pi_1', { at: SEEN + 1, ...given });
const cause: Cause = { actor: 'stripe', eventId: 'evt_1', body: {} as Cause['body'], current: false };

describe('money that arrives', () => {
  test('is what was asked for to the cent and in its currency, or a mismatch', () => {
    expect(signalFor(payment(), facts())).toBe('succeed');
    for (const other of [{ amount: 9_999 }, { currency: 'EUR' }, { amountReceived: 9_999 }, { amountReceived: 10_001 }])
      expect(signalFor(payment(), facts(other)), JSON.stringify(other)).toBe('mismatch');
  });

  test.each([
    ['a manual capture', { captureMethod: 'MANUAL' as const }, {}],
    ['an invoice', {}, { isInvoice: true }],
  ])('of %s may be less than what was asked for, and never more', (_, ours, theirs) => {
    const of = (other: Partial<PaymentFacts>) => signalFor(payment(ours), facts({ ...theirs, ...other }));
    expect([of({ amountReceived: 1 }), of({ amountReceived: 10_000 }), of({ amountReceived: 10_001 })]).toEqual([
      'succeed',
      'succeed',
      'mismatch',
    ]);
    expect(of({ amountReceived: 1, currency: 'EUR' })).toBe('mismatch');
  });

  test('of any other size is never counted: whatever Stripe says, success has at most what was asked for', () => {
    const some = fc.nat(20_000);
    fc.assert(
      fc.property(some, some, fc.boolean(), fc.boolean(), (amount, amountReceived, isManual, isInvoice) => {
        const of = payment({ captureMethod: isManual ? 'MANUAL' : 'AUTOMATIC' });
        const signal = signalFor(of, facts({ amount, amountReceived, isInvoice }));
        const isRight =
          amount === 10_000 && (isManual || isInvoice ? amountReceived <= 10_000 : amountReceived === 10_000);
        expect(signal).toBe(isRight ? 'succeed' : 'mismatch');
      }),
    );
  });

  test('is the only word that is weighed: all others are taken as they are', () => {
    for (const signal of PAYMENT_SIGNALS.filter((one) => one !== 'succeed'))
      expect(signalFor(payment(), facts({ signal, amount: 1, currency: 'EUR' }))).toBe(signal);
  });
});

describe('a snapshot', () => {
  const verdict = (
    ours: Partial<Payment>,
    signal: PaymentSignal,
    { current = false, ...theirs }: Partial<PaymentFacts> & { current?: boolean } = {},
  ) => judge(payment(ours), { snapshot: facts({ signal, ...theirs }), signal }, { current });

  test('that Stripe was asked for decides, wherever it leads; what it repeats is kept', () => {
    for (const status of PAYMENT_STATUSES)
      for (const signal of PAYMENT_SIGNALS.filter((one) => one !== 'fail'))
        expect(verdict({ status }, signal, { current: true, at: SEEN - 9 }), `${status} ${signal}`).toBe(
          PAYMENT_NEXT[status][signal] === status ? 'keep' : 'apply',
        );
  });

  test('that Stripe was asked for and that lacks the charge of a decline is one of before', () => {
    const failed = { status: 'FAILED', stripeChargeId: 'ch_1' } as const;
    expect(verdict(failed, 'await', { current: true, chargeId: null })).toBe('keep');
    // The customer chose another card: the declined charge stays the latest one until that is tried.
    expect(verdict(failed, 'await', { current: true })).toBe('apply');
    expect(verdict(failed, 'await', { current: true, chargeId: null, intentId: 'pi_2' })).toBe('apply');
    expect(verdict({ ...failed, stripeChargeId: null }, 'await', { current: true, chargeId: null })).toBe('apply');
    for (const signal of ['act', 'process', 'cancel', 'succeed'] as const)
      expect(verdict(failed, signal, { current: true, chargeId: null }), signal).toBe('apply');
  });

  test('of a decline is a second one if it is of another charge or for another reason', () => {
    const failed = { status: 'FAILED', stripeChargeId: 'ch_1', failureCode: 'card_declined' } as const;
    for (const current of [true, false]) {
      expect(verdict(failed, 'fail', { current, failureCode: 'card_declined' })).toBe('keep');
      expect(verdict(failed, 'fail', { current, failureCode: 'expired_card' })).toBe('apply');
      expect(verdict(failed, 'fail', { current, failureCode: 'card_declined', chargeId: 'ch_2' })).toBe('apply');
    }
    expect(verdict({ ...failed, status: 'PENDING' }, 'fail', { failureCode: 'card_declined' })).toBe('apply');
    for (const status of ['SUCCESSFUL', 'CANCELED', 'QUARANTINED'] as const)
      expect(verdict({ status }, 'fail', { current: true }), status).toBe('keep');
  });

  test('that may be late is applied if it is newer, and asked about if it isn’t', () => {
    expect(verdict({ status: 'PROCESSING' }, 'act', { at: SEEN + 1 })).toBe('apply');
    expect(verdict({ status: 'PROCESSING' }, 'act', { at: SEEN })).toBe('ask');
    expect(verdict({ status: 'PROCESSING' }, 'succeed', { at: SEEN - 9 })).toBe('apply');
  });

  test('of an invoice’s intent never ends its payment: the invoice itself does', () => {
    const ours = { stripeInvoiceId: 'in_1' };
    for (const signal of ['cancel', 'mismatch'] as const)
      for (const current of [true, false]) {
        expect(verdict(ours, signal, { current })).toBe('keep');
        expect(verdict(ours, signal, { current, isInvoice: true })).toBe('apply');
        expect(verdict({}, signal, { current })).toBe('apply');
      }
    expect(verdict(ours, 'succeed')).toBe('apply');
  });
});

describe('a new version', () => {
  const moved = (ours: Partial<Payment>, signal: PaymentSignal, theirs: Partial<PaymentFacts> = {}) =>
    updateOf(payment(ours), { snapshot: facts({ signal, ...theirs }), signal });

  test('takes what was received from a snapshot that brings money, and from no other', () => {
    expect(moved({}, 'succeed')).toMatchObject({ id: '7', status: 'SUCCESSFUL', amountReceived: 10_000, at: SEEN + 1 });
    expect(moved({}, 'mismatch', { amountReceived: 5 })).toMatchObject({ status: 'QUARANTINED', amountReceived: 5 });
    for (const signal of ['await', 'act', 'process', 'hold', 'fail', 'cancel'] as const)
      expect(moved({ amountReceived: 3 }, signal).amountReceived, signal).toBe(3);
  });

  test('keeps what was settled elsewhere unless the invoice says it', () => {
    expect(moved({ amountSettledElsewhere: 4 }, 'succeed').settledElsewhere).toBe(4);
    expect(moved({ amountSettledElsewhere: 4 }, 'succeed', { settledElsewhere: 9 }).settledElsewhere).toBe(9);
    expect(moved({ amountSettledElsewhere: 4 }, 'succeed', { settledElsewhere: null }).settledElsewhere).toBeNull();
  });

  test('that leaves everything as it is writes what is there', () => {
    const facts = { failureCode: 'x', failureMessage: 'y', stripeChargeId: 'ch_9', amountSettledElsewhere: 4 };
    expect(asItIs(payment({ status: 'FAILED', amountReceived: 2, ...facts }))).toEqual({
      id: '7',
      status: 'FAILED',
      amountReceived: 2,
      failureCode: 'x',
      failureMessage: 'y',
      settledElsewhere: 4,
      intentId: 'pi_1',
      chargeId: 'ch_9',
      at: SEEN,
    });
  });

  const entry = (ours: Partial<Payment>, status: Payment['status'], by: Partial<Cause> = {}) =>
    versionOf(payment(ours), { update: { ...asItIs(payment(ours)), status }, cause: { ...cause, ...by } }).entry;

  test('is told in the timeline as whoever asked for it, where Stripe says just that', () => {
    const asked = { askedFor: 'CANCELED', askedBy: 'account:ann' } as const;
    expect(entry(asked, 'CANCELED').actor).toBe('account:ann');
    expect(entry(asked, 'SUCCESSFUL').actor).toBe('stripe');
    expect(entry(asked, 'CANCELED', { actor: 'operator' }).actor).toBe('operator');
    expect(entry({ askedFor: 'CANCELED', askedBy: null }, 'CANCELED').actor).toBe('stripe');
  });

  test('runs the flow where the status moves, and only there', () => {
    expect(entry({}, 'CANCELED')).toMatchObject({ fromStatus: 'PENDING', eventId: 'evt_1', flow: 'payment-callback' });
    expect(entry({}, 'PENDING').flow).toBeUndefined();
    expect(flowSubjectOf(payment({ status: 'SUCCESSFUL' }), cause)).toEqual({
      flow: 'payment-callback',
      orderId: '3',
      nodeType: 'PAYMENT',
      nodeId: '7',
      version: 2,
      toStatus: 'SUCCESSFUL',
      eventId: 'evt_1',
    });
    const sums = { paid: 10_000, covered: 10_004 };
    const previous = payment();
    const now = payment({ status: 'SUCCESSFUL', amountSettledElsewhere: 4 });
    expect(callbackDataOf(now, { cause, duplicate: true, previous, ...sums })).toMatchObject({
      paymentStatus: 'SUCCESSFUL',
      callbackProcessed: true,
      settledOutOfBand: true,
      orderPaidAmount: 10_000,
      orderCoveredAmount: 10_004,
      previousStatus: 'PENDING',
    });
  });

  test('may leave other attempts unneeded if money came that wasn’t the open attempt’s', () => {
    const paid = { ...asItIs(payment()), status: 'SUCCESSFUL' as const };
    expect(mayLeaveOthers(payment(), paid)).toBe(false);
    expect(mayLeaveOthers(payment({ status: 'CANCELED' }), paid)).toBe(true);
    expect(mayLeaveOthers(payment({ stripeInvoiceId: 'in_1' }), paid)).toBe(true);
    expect(mayLeaveOthers(payment({ status: 'CANCELED' }), { ...paid, status: 'CANCELED' })).toBe(false);
  });
});
