import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DisputeCallbackData, Flows } from '../../../src/flows/flows.js';
import type { FlowTurn } from '../../../src/flows/owed.js';
import { createDisputeTransitions, type DisputeOutcome } from '../../../src/nouns/disputes/apply.js';
import type { Dispute } from '../../../src/nouns/disputes/row.js';
import type { DisputeSnapshot } from '../../../src/nouns/disputes/snapshot.js';
import { createPaymentTransitions } from '../../../src/nouns/payments/apply.js';
import type { Cause } from '../../../src/nouns/payments/decide.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { ANSWER, createToldFlow, EVENT, type Ledger, NO_LOG, openLedger, type ToldFlow } from '../../harness/ledger.js';
import { readTimeline } from '../../harness/timeline.js';

const SEEN = 1_700_000_000;

let ledger: Ledger;
let told: ToldFlow<DisputeCallbackData>;
const transitionsWith = (duplicates?: 'deliver') => {
  const flows = { disputeCallback: { run: told.run, duplicates }, effects: new Map() } as unknown as Flows;
  const parts = { orders: ledger.orders, flows, log: NO_LOG };
  return createDisputeTransitions({ ...parts, payments: createPaymentTransitions(parts) });
};
beforeAll(async () => {
  ledger = await openLedger();
});
beforeEach(() => {
  told = createToldFlow();
});
afterAll(() => ledger.close());

let numbers = 0;
const paidPayment = (): Promise<Payment> => {
  numbers += 1;
  const intent = `pi_${numbers}`;
  return ledger.addPayment({ status: 'SUCCESSFUL', amount_received: 10_000, stripe_payment_intent_id: intent });
};
/** What Stripe says of the payment's one dispute, of 40.00 USD. */
const disputeOf = ({ id, stripePaymentIntentId }: Payment, given: Partial<DisputeSnapshot> = {}): DisputeSnapshot => ({
  disputeId: `dp_${id}`,
  intentId: stripePaymentIntentId,
  chargeId: 'ch_1',
  status: 'NEEDS_RESPONSE',
  amount: 4_000,
  currency: 'USD',
  reason: 'fraudulent',
  isRefundable: false,
  evidenceDueBy: SEEN + 1_000,
  livemode: false,
  at: SEEN,
  object: {},
  ...given,
});

interface How {
  readonly cause?: Cause;
  readonly duplicates?: 'deliver';
  readonly turns?: FlowTurn[];
}
const tell = (payment: Payment, given: Partial<DisputeSnapshot> = {}, how: How = {}): Promise<DisputeOutcome> =>
  ledger.database.transaction(async (tx) => {
    const transitions = transitionsWith(how.duplicates);
    const held = await transitions.lock(tx, payment);
    const { cause = EVENT, turns } = how;
    return transitions.apply(tx, held, { snapshot: disputeOf(payment, given), cause, turns });
  });
const disputesOf = (payment: Payment): Promise<readonly Dispute[]> =>
  ledger.database.transaction(async (tx) => (await transitionsWith().lock(tx, payment)).disputes);
const linesOf = (type: 'PAYMENT' | 'DISPUTE', id: string): Promise<unknown[][]> =>
  readTimeline(ledger.bed, { type, id }, { columns: 'version, from_status, to_status, actor, event_id, flow, note' });
const changedOf = (outcome: DisputeOutcome) => (outcome.kind === 'applied' ? outcome.changed : undefined);

describe('a dispute that Stripe tells of', () => {
  test('becomes a row with all that is said of it, takes its amount, and is told once', async () => {
    const payment = await paidPayment();
    const changed = changedOf(await tell(payment));
    const [row] = await disputesOf(payment);
    const counted = await ledger.readPayment(payment);
    expect(changed).toEqual({ payment: counted, dispute: row });
    expect(counted).toMatchObject({ amountDisputed: 4_000, version: payment.version + 1 });
    expect(row).toMatchObject({
      paymentId: payment.id,
      amount: 4_000,
      currency: 'USD',
      status: 'NEEDS_RESPONSE',
      reason: 'fraudulent',
      isRefundable: false,
      evidenceDueBy: new Date((SEEN + 1_000) * 1_000),
      livemode: false,
      stripeAccount: 'acct_1',
      version: 1,
    });
    expect(told.calls).toEqual([
      {
        orderId: payment.orderId,
        status: 'NEEDS_RESPONSE',
        previousStatus: null,
        callbackProcessed: false,
        dispute: row,
        payment: counted,
        orderPaidAmount: 10_000,
        orderCoveredAmount: 10_000,
        body: EVENT.body,
      },
    ]);
    const by = ['stripe', 'evt_1', 'dispute-callback'];
    expect(await linesOf('DISPUTE', row?.id ?? '')).toEqual([[1, null, 'NEEDS_RESPONSE', ...by, null]]);
    const note = `dispute ${row?.id} of 40.00 USD (fraudulent) is NEEDS_RESPONSE`;
    expect(await linesOf('PAYMENT', payment.id)).toEqual([[counted.version, 'SUCCESSFUL', 'SUCCESSFUL', ...by, note]]);
  });

  test('again changes nothing, and is told to a flow that wants duplicates where an event brought it', async () => {
    const payment = await paidPayment();
    await tell(payment);
    expect(changedOf(await tell(payment, { at: SEEN + 5 }))).toEqual({ payment: undefined, dispute: undefined });
    expect(await disputesOf(payment)).toMatchObject([{ version: 1, seenAt: new Date((SEEN + 5) * 1_000) }]);
    await tell(payment, {}, { duplicates: 'deliver', cause: ANSWER });
    expect(told.calls).toHaveLength(1);
    await tell(payment, {}, { duplicates: 'deliver' });
    expect(told.calls[1]).toMatchObject({
      callbackProcessed: true,
      status: 'NEEDS_RESPONSE',
      previousStatus: 'NEEDS_RESPONSE',
    });
  });

  test.each<[string, Partial<DisputeSnapshot>, boolean]>([
    ['its amount', { amount: 5_000 }, true],
    ['its reason', { reason: 'duplicate' }, false],
    ['whether it lets the charge be refunded', { isRefundable: true }, false],
    ['by when evidence is due', { evidenceDueBy: null }, false],
  ])('with another word of %s has a version without a flow', async (_, given, isCounted) => {
    const payment = await paidPayment();
    await tell(payment);
    const changed = changedOf(await tell(payment, { ...given, at: SEEN + 1 }));
    expect(changed?.dispute).toMatchObject({ version: 2, status: 'NEEDS_RESPONSE' });
    expect(changed?.payment !== undefined).toBe(isCounted);
    expect(told.calls).toHaveLength(1);
    expect(await linesOf('PAYMENT', payment.id)).toHaveLength(isCounted ? 2 : 1);
  });

  test('that is won gives its amount back, and its flow is told from where it came', async () => {
    const payment = await paidPayment();
    await tell(payment);
    await tell(payment, { status: 'WON', at: SEEN + 1 });
    expect(await ledger.readPayment(payment)).toMatchObject({ amountDisputed: 0, version: payment.version + 2 });
    expect(told.calls[1]).toMatchObject({ status: 'WON', previousStatus: 'NEEDS_RESPONSE', callbackProcessed: false });
  });

  test('as it was before is asked about, and an answer is believed', async () => {
    const payment = await paidPayment();
    await tell(payment, { status: 'WON', at: SEEN + 10 });
    expect(await tell(payment, { status: 'LOST', at: SEEN })).toEqual({ kind: 'asked' });
    expect(await disputesOf(payment)).toMatchObject([{ status: 'WON', version: 1 }]);
    expect(await tell(payment, { status: 'LOST', at: SEEN }, { cause: ANSWER })).toMatchObject({ kind: 'applied' });
    expect(await disputesOf(payment)).toMatchObject([{ status: 'LOST', version: 2 }]);
  });

  test('is one of several, each of its own', async () => {
    const payment = await paidPayment();
    await tell(payment);
    await tell(payment, { disputeId: `dp_other_${payment.id}`, amount: 1_000 });
    expect(await ledger.readPayment(payment)).toMatchObject({ amountDisputed: 5_000 });
    expect(await disputesOf(payment)).toHaveLength(2);
    await expect(tell(payment, { currency: 'EUR' })).rejects.toThrow('a dispute in EUR');
  });
});

describe('a flow of a dispute', () => {
  test('that throws takes all back; what failed too often under Stripe’s id is owed', async () => {
    const payment = await paidPayment();
    told.fails = true;
    await expect(tell(payment)).rejects.toThrow('dispute-callback');
    expect(await disputesOf(payment)).toEqual([]);
    told.fails = false;
    const [nodeId, toStatus] = [`dp_${payment.id}`, 'NEEDS_RESPONSE'];
    await ledger.failFlow({
      flow: 'dispute-callback',
      nodeType: 'DISPUTE',
      nodeId,
      toStatus,
      orderId: payment.orderId,
    });
    await tell(payment);
    expect(told.calls).toEqual([]);
    const [row] = await disputesOf(payment);
    const { rows } = await ledger.bed.sql.query(
      `select flow, node_type as "type", node_id::text as "id", version, to_status as "toStatus", event_id as "eventId"
        from tollgate.owed_flow where order_id = $1`,
      [payment.orderId],
    );
    const owed = { flow: 'dispute-callback', type: 'DISPUTE', id: row?.id, version: 1, toStatus: 'NEEDS_RESPONSE' };
    expect(rows).toEqual([{ ...owed, eventId: 'evt_1' }]);
    expect((await linesOf('PAYMENT', payment.id)).at(-1)?.at(-1)).toContain(
      'NEEDS_RESPONSE; the flow is owed: no more hats',
    );
  });

  test('waits for its turn where the caller has turns', async () => {
    const payment = await paidPayment();
    const turns: FlowTurn[] = [];
    await tell(payment, {}, { turns });
    expect(told.calls).toEqual([]);
    expect(turns).toMatchObject([
      { subject: { flow: 'dispute-callback', nodeType: 'DISPUTE', orderId: payment.orderId } },
    ]);
  });
});
