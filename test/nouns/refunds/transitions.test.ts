import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Flows, RefundCallbackData } from '../../../src/flows/flows.js';
import type { FlowTurn } from '../../../src/flows/owed.js';
import { createPaymentTransitions } from '../../../src/nouns/payments/apply.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import {
  createRefundTransitions,
  type HeldRefunds,
  type RefundCause,
  type RefundOutcome,
} from '../../../src/nouns/refunds/apply.js';
import { createRefundReservations } from '../../../src/nouns/refunds/reserve.js';
import type { Refund } from '../../../src/nouns/refunds/row.js';
import type { Tx } from '../../../src/storage/database.js';
import { idempotentRequest } from '../../../src/storage/idempotent-request.js';
import { createMarks } from '../../../src/stripe/marks.js';
import type { RefundSnapshot } from '../../../src/stripe/refund-snapshot.js';
import {
  ANSWER,
  callerOf,
  createToldFlow,
  EVENT,
  KEYS,
  type Ledger,
  NO_LOG,
  openLedger,
  type ToldFlow,
} from '../../harness/ledger.js';
import { readTimeline } from '../../harness/timeline.js';

const SEEN = 1_700_000_000;
const BY_EVENT: RefundCause = { ...EVENT, source: 'EVENT' };
const BY_ANSWER: RefundCause = { ...ANSWER, source: 'FETCH' };
const CLERK = callerOf('clerk');
const MARKS = createMarks('installation');

let ledger: Ledger;
let told: ToldFlow<RefundCallbackData>;
const transitionsWith = (duplicates?: 'deliver') => {
  const parts = { orders: ledger.orders, log: NO_LOG };
  const flows = { refundCallback: { run: told.run, duplicates }, effects: new Map() } as unknown as Flows;
  const payments = createPaymentTransitions({ ...parts, flows });
  return createRefundTransitions({ ...parts, flows, payments, marks: MARKS });
};
beforeAll(async () => {
  ledger = await openLedger();
});
beforeEach(() => {
  told = createToldFlow();
});
afterAll(() => ledger.close());

let numbers = 0;
/** What Stripe says of a refund of 40.00 USD that it made, of its own id each time. */
const refundOf = (given: Partial<RefundSnapshot> = {}): RefundSnapshot => {
  numbers += 1;
  const refundId = given.refundId ?? `re_${numbers}`;
  return {
    intentId: null,
    signal: 'succeed',
    amount: 4_000,
    currency: 'USD',
    reason: null,
    stripeReason: null,
    failureReason: null,
    owner: undefined,
    at: SEEN,
    object: { id: refundId },
    ...given,
    refundId,
  };
};
const paidPayment = (columns: object = {}): Promise<Payment> =>
  ledger.addPayment({ status: 'SUCCESSFUL', amount_received: 10_000, ...columns });
const within = <T>(payment: Payment, work: (tx: Tx, held: HeldRefunds) => Promise<T>): Promise<T> =>
  ledger.database.transaction(async (tx) => work(tx, await transitionsWith().lock(tx, payment)));

interface How {
  readonly cause?: RefundCause;
  readonly duplicates?: 'deliver';
  readonly turns?: FlowTurn[];
}
const tell = (
  payment: Payment,
  snapshots: RefundSnapshot | RefundSnapshot[],
  { cause = BY_EVENT, duplicates, turns }: How = {},
): Promise<RefundOutcome> =>
  within(payment, (tx, held) =>
    transitionsWith(duplicates).apply(tx, held, { snapshots: [snapshots].flat(), cause, turns }),
  );
const reserve = async (payment: Payment, amount = 4_000): Promise<Refund> => {
  const asked = { amount, reason: 'a hole', stripeReason: null, actor: 'account:ann' };
  const { refunds } = await within(payment, (tx, held) => transitionsWith().reserve(tx, held, asked));
  return refunds.at(-1) as Refund;
};
const refundsOf = (payment: Payment): Promise<readonly Refund[]> => within(payment, async (_, { refunds }) => refunds);
const sumsOf = async (payment: Payment): Promise<number[]> => {
  const { amountRefunded, amountRefundPending, version } = await ledger.readPayment(payment);
  return [amountRefunded, amountRefundPending, version - payment.version];
};
const linesOf = (type: 'PAYMENT' | 'REFUND', { id }: { readonly id: string }): Promise<unknown[][]> =>
  readTimeline(
    ledger.bed,
    { type, id },
    { columns: 'version, from_status, to_status, actor, event_id, flow, flow_outcome, note' },
  );
const markOf = ({ id }: Refund) => MARKS.of('refund', id);

describe('a refund that is reserved', () => {
  test('holds its amount, is the last of its payment’s, and no flow is told yet', async () => {
    const payment = await paidPayment();
    await tell(payment, refundOf({ amount: 1_000, signal: 'await' }));
    const made = await reserve(payment);
    expect(made).toMatchObject({
      paymentId: payment.id,
      amount: 4_000,
      currency: 'USD',
      status: 'PENDING',
      reason: 'a hole',
      stripeReason: null,
      failureReason: null,
      stripeRefundId: null,
      livemode: false,
      stripeAccount: 'acct_1',
      seenAt: null,
      version: 1,
    });
    expect(await sumsOf(payment)).toEqual([0, 5_000, 2]);
    expect(told.calls).toEqual([]);
    expect(await linesOf('REFUND', made)).toEqual([[1, null, 'PENDING', 'account:ann', null, null, null, null]]);
    const note = `refund ${made.id} of 40.00 USD is PENDING`;
    const version = payment.version + 2;
    expect((await linesOf('PAYMENT', payment)).at(-1)).toEqual([
      version,
      'SUCCESSFUL',
      'SUCCESSFUL',
      'account:ann',
      null,
      null,
      null,
      note,
    ]);
  });

  test('gives its amount free where Stripe refuses it, and the flow is told who asked', async () => {
    const payment = await paidPayment();
    const refund = await reserve(payment);
    const held = await within(payment, (tx, before) =>
      transitionsWith().refuse(tx, before, { refund, code: 'charge_disputed', actor: 'account:ann' }),
    );
    const refused = {
      id: refund.id,
      status: 'FAILED',
      failureReason: 'charge_disputed',
      stripeRefundId: null,
      version: 2,
      seenAt: new Date(0),
    };
    expect(held.refunds).toMatchObject([refused]);
    expect(held.changed).toMatchObject({ payment: { id: payment.id, amountRefundPending: 0 }, refunds: [refused] });
    expect(told.calls).toMatchObject([
      {
        status: 'FAILED',
        previousStatus: 'PENDING',
        callbackProcessed: false,
        refund: refused,
        body: { source: 'API', object: {} },
      },
    ]);
  });

  test('learns its id at Stripe in a version of its own, without a flow', async () => {
    const payment = await paidPayment();
    const refund = await reserve(payment);
    const seen = refundOf({ owner: markOf(refund), signal: 'await', at: SEEN });
    expect(await tell(payment, seen)).toMatchObject({
      kind: 'applied',
      held: { refunds: [{ id: refund.id, stripeRefundId: seen.refundId, version: 2 }] },
    });
    expect(await tell(payment, seen)).toMatchObject({ held: { changed: { payment: undefined, refunds: [] } } });
    expect(await refundsOf(payment)).toMatchObject([{ version: 2, status: 'PENDING', seenAt: new Date(SEEN * 1_000) }]);
    expect(told.calls).toEqual([]);
  });
});

describe('whether a refund may be reserved is decided under the locks', () => {
  const ask = (payment: Payment, key?: string, amount = 4_000) =>
    within(payment, (tx) => {
      const request = { paymentId: payment.id, amount, reason: 'a hole' };
      const idempotency =
        key === undefined ? undefined : idempotentRequest(CLERK, 'refund', { ...request, idempotencyKey: key });
      const how = { request, payment, access: KEYS, actor: 'account:clerk', idempotency };
      return createRefundReservations(transitionsWith()).reserve(tx, how);
    });

  test('once for a key', async () => {
    const payment = await paidPayment();
    const key = `once ${payment.id}`;
    const made = await ask(payment, key);
    expect(made).toMatchObject({ kind: 'made', refund: { amount: 4_000, reason: 'a hole', stripeReason: null } });
    expect(await ask(payment, key)).toMatchObject({ kind: 'repeated', refund: { id: made.refund.id } });
    await expect(ask(payment, key, 1)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await ask(payment)).toMatchObject({ kind: 'made', held: { refunds: { length: 2 } } });
    await expect(ask(payment)).rejects.toMatchObject({ code: 'REFUND_EXCEEDS_PAYMENT' });
  });

  test('and never while a dispute has taken the money', async () => {
    const payment = await paidPayment();
    await ledger.addDispute(payment);
    await expect(ask(payment)).rejects.toMatchObject({ code: 'PAYMENT_DISPUTED' });
    expect(await refundsOf(payment)).toEqual([]);
  });
});

describe('a refund that Stripe tells of', () => {
  test('becomes a row with all that is said of it, is counted, and its flow is told once', async () => {
    const payment = await paidPayment();
    const seen = refundOf({ reason: 'a hole', stripeReason: 'FRAUDULENT' });
    const event = { id: 'evt_1' };
    const outcome = await tell(payment, seen, { cause: { ...BY_EVENT, event } });
    const [row] = await refundsOf(payment);
    const counted = await ledger.readPayment(payment);
    expect(outcome).toEqual({
      kind: 'applied',
      held: { payment: counted, refunds: [row], changed: { payment: counted, refunds: [row] } },
    });
    expect(row).toMatchObject({
      amount: 4_000,
      currency: 'USD',
      status: 'REFUNDED',
      reason: 'a hole',
      stripeReason: 'FRAUDULENT',
      stripeRefundId: seen.refundId,
      seenAt: new Date(SEEN * 1_000),
    });
    expect(told.calls).toEqual([
      {
        orderId: payment.orderId,
        status: 'REFUNDED',
        previousStatus: null,
        callbackProcessed: false,
        refund: row,
        payment: counted,
        orderPaidAmount: 6_000,
        orderCoveredAmount: 6_000,
        body: { source: 'EVENT', event, object: seen.object },
      },
    ]);
    const flow = ['refund-callback', 'done'];
    expect(await linesOf('REFUND', row as Refund)).toEqual([[1, null, 'REFUNDED', 'stripe', 'evt_1', ...flow, null]]);
    expect(await linesOf('PAYMENT', payment)).toEqual([
      [
        counted.version,
        'SUCCESSFUL',
        'SUCCESSFUL',
        'stripe',
        'evt_1',
        ...flow,
        `refund ${row?.id} of 40.00 USD is REFUNDED`,
      ],
    ]);
  });

  test('again changes nothing, and is told to a flow that wants duplicates where the event is about it', async () => {
    const payment = await paidPayment();
    const seen = refundOf();
    await tell(payment, seen);
    const again = { ...seen, at: SEEN + 5 };
    expect(await tell(payment, again)).toMatchObject({
      kind: 'applied',
      held: { changed: { payment: undefined, refunds: [] } },
    });
    expect(await refundsOf(payment)).toMatchObject([{ version: 1, seenAt: new Date((SEEN + 5) * 1_000) }]);
    const about = { ...BY_EVENT, subject: seen.refundId };
    await tell(payment, again, { cause: about });
    await tell(payment, again, { duplicates: 'deliver' });
    expect(told.calls).toHaveLength(1);
    await tell(payment, again, { cause: about, duplicates: 'deliver' });
    expect(told.calls).toHaveLength(2);
    expect(told.calls[1]).toMatchObject({
      status: 'REFUNDED',
      previousStatus: 'REFUNDED',
      callbackProcessed: true,
      orderPaidAmount: 6_000,
    });
    expect(await sumsOf(payment)).toEqual([4_000, 0, 1]);
  });

  test('that has not ended is told to no flow, also not as a duplicate', async () => {
    const payment = await paidPayment();
    const seen = refundOf({ signal: 'await' });
    const how = { cause: { ...BY_EVENT, subject: seen.refundId }, duplicates: 'deliver' } as const;
    await tell(payment, seen, how);
    await tell(payment, seen, how);
    expect(told.calls).toEqual([]);
  });

  test('that fails after all brings its money back: to the sums, to what else is open, and to an order that has too much', async () => {
    const payment = await paidPayment();
    const other = await ledger.addPayment({ order_id: payment.orderId });
    const marks = async () =>
      (
        await ledger.bed.sql.query<{ withdrawn: boolean; excess: boolean }>(
          `select bool_or(withdraw_at is not null) as "withdrawn", bool_or(excess_at is not null) as "excess"
            from tollgate.payment where id in ($1, $2)`,
          [payment.id, other.id],
        )
      ).rows[0];
    const seen = refundOf();
    await tell(payment, seen);
    await ledger.bed.sql.query('update public.shop_order set amount = 9999 where id = $1', [payment.orderId]);
    const pending = refundOf({ signal: 'await', amount: 1 });
    await tell(payment, pending);
    await tell(payment, { ...pending, signal: 'fail', at: SEEN + 1 });
    expect(await marks()).toEqual({ withdrawn: false, excess: false });
    await tell(payment, { ...seen, signal: 'fail', failureReason: 'declined', at: SEEN + 1 });
    expect(await marks()).toEqual({ withdrawn: true, excess: true });
    expect(await sumsOf(payment)).toMatchObject([0, 0, 4]);
    expect(told.calls.at(-1)).toMatchObject({
      status: 'FAILED',
      previousStatus: 'REFUNDED',
      orderPaidAmount: 10_000,
      refund: { failureReason: 'declined' },
    });
  });

  test('is as old as it says: what is older than what was seen is asked about, and an answer is believed', async () => {
    const payment = await paidPayment();
    const seen = refundOf({ at: SEEN + 10 });
    await tell(payment, seen);
    const older = { ...seen, signal: 'fail', at: SEEN } as const;
    expect(await tell(payment, older)).toMatchObject({ kind: 'asked', held: { changed: { refunds: [] } } });
    expect(await refundsOf(payment)).toMatchObject([{ status: 'REFUNDED', version: 1 }]);
    expect(await tell(payment, older, { cause: BY_ANSWER })).toMatchObject({ kind: 'applied' });
    expect(await refundsOf(payment)).toMatchObject([{ status: 'FAILED', version: 2 }]);
  });

  test('beyond what was received is asked about, and an answer is believed', async () => {
    const payment = await paidPayment();
    await tell(payment, refundOf({ amount: 7_000 }));
    const more = refundOf({ amount: 3_001 });
    expect(await tell(payment, more)).toMatchObject({ kind: 'asked' });
    expect(await tell(payment, refundOf({ amount: 3_000 }))).toMatchObject({ kind: 'applied' });
    expect(await tell(payment, more, { cause: BY_ANSWER })).toMatchObject({ kind: 'applied' });
  });

  test('among several is taken up with them, the failed ones first, and none where one has to be asked about', async () => {
    const payment = await paidPayment();
    const [whole, again] = [refundOf({ amount: 10_000 }), refundOf({ amount: 10_000 })];
    await tell(payment, whole);
    const failed = { ...whole, signal: 'fail', at: SEEN + 1 } as const;
    const { kind, held } = await tell(payment, [again, failed]);
    expect(kind).toBe('applied');
    expect(held.changed.refunds.map(({ stripeRefundId, status }) => [stripeRefundId, status])).toEqual([
      [whole.refundId, 'FAILED'],
      [again.refundId, 'REFUNDED'],
    ]);
    expect(held.refunds).toHaveLength(2);
    const asked = await tell(payment, [refundOf({ amount: 1, signal: 'await' }), refundOf({ amount: 1 })]);
    expect(asked).toMatchObject({ kind: 'asked', held: { refunds: { length: 2 } } });
  });
});

describe('a flow of a refund', () => {
  const obstruct = ({ orderId }: Payment, nodeId: string, toStatus: string) =>
    ledger.failFlow({ flow: 'refund-callback', nodeType: 'REFUND', nodeId, toStatus, orderId });

  test('that throws takes all back, and its failures are counted under Stripe’s id, for each try makes another row', async () => {
    const payment = await paidPayment();
    const seen = refundOf();
    told.fails = true;
    await expect(tell(payment, seen)).rejects.toThrow('refund-callback');
    expect(await refundsOf(payment)).toEqual([]);
    told.fails = false;
    await obstruct(payment, seen.refundId, 'REFUNDED');
    await tell(payment, seen);
    expect(told.calls).toEqual([]);
    const [row] = await refundsOf(payment);
    const { rows } = await ledger.bed.sql.query(
      `select flow, order_id::text as "orderId", node_id::text as "id", version, to_status as "toStatus", event_id as "eventId"
        from tollgate.owed_flow where node_type = 'REFUND' and order_id = $1`,
      [payment.orderId],
    );
    expect(rows).toEqual([
      {
        flow: 'refund-callback',
        orderId: payment.orderId,
        id: row?.id,
        version: 1,
        toStatus: 'REFUNDED',
        eventId: 'evt_1',
      },
    ]);
    const said = 'the flow is owed: no more hats';
    const owed = ['refund-callback', 'owed'];
    expect((await linesOf('REFUND', row as Refund)).at(-1)).toEqual([
      1,
      null,
      'REFUNDED',
      'stripe',
      'evt_1',
      ...owed,
      said,
    ]);
    expect((await linesOf('PAYMENT', payment)).at(-1)?.at(-1)).toBe(
      `refund ${row?.id} of 40.00 USD is REFUNDED; ${said}`,
    );
  });

  test('of one that Stripe refused is counted under the row’s own id', async () => {
    const payment = await paidPayment();
    const refund = await reserve(payment);
    await obstruct(payment, refund.id, 'FAILED');
    await within(payment, (tx, held) => transitionsWith().refuse(tx, held, { refund, code: 'gone', actor: 'job' }));
    expect(told.calls).toEqual([]);
  });

  test('waits for its turn where the caller has turns', async () => {
    const payment = await paidPayment();
    const turns: FlowTurn[] = [];
    await tell(payment, refundOf(), { turns });
    expect(told.calls).toEqual([]);
    expect(turns).toMatchObject([
      { subject: { flow: 'refund-callback', nodeType: 'REFUND', orderId: payment.orderId } },
    ]);
  });
});

describe('a row with an id that Stripe’s list doesn’t have', () => {
  test('takes the one that carries its mark, in a version that clients see', async () => {
    const payment = await paidPayment();
    const refund = await reserve(payment);
    await tell(payment, refundOf({ refundId: `re_wrong_${refund.id}`, owner: markOf(refund) }));
    const right = refundOf({ owner: markOf(refund), at: SEEN + 1 });
    const cause = { ...BY_ANSWER, listed: new Set([right.refundId]) };
    const corrected = { id: refund.id, stripeRefundId: right.refundId, status: 'REFUNDED', version: 3 };
    const { held } = await tell(payment, right, { cause });
    expect(held).toMatchObject({ refunds: [corrected], changed: { refunds: [corrected] } });
    expect(await refundsOf(payment)).toMatchObject([corrected]);
    expect((await linesOf('REFUND', refund)).at(-1)?.slice(0, 4)).toEqual([3, 'REFUNDED', 'REFUNDED', 'job']);
    expect(await tell(payment, right, { cause })).toMatchObject({ held: { changed: { refunds: [] } } });
    expect(told.calls).toHaveLength(1);
  });
});
