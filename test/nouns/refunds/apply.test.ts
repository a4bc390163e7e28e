import type Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RefundCallbackData } from '../../../src/flows/flows.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { createRefundTransitions, type HeldRefunds, versionOf } from '../../../src/nouns/refunds/apply.js';
import type { Refund } from '../../../src/nouns/refunds/row.js';
import type { Tx } from '../../../src/storage/database.js';
import { NotAnAnswerError, NotOursError } from '../../../src/stripe/answer.js';
import type { RefundSnapshot } from '../../../src/stripe/refund-snapshot.js';
import { type Paid, pay } from '../../harness/payments.js';
import { payOrder, type Refunded, readMoney, readRefunds, refund } from '../../harness/refunds.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { deliver, eventOf } from '../../harness/signed-event.js';
import { readTimeline } from '../../harness/timeline.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let calls: RefundCallbackData[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ flows: { refundCallback: { run: (data) => void calls.push(data) } } });
});
beforeEach(async () => {
  calls = [];
  await clearFaults(bed.sandbox);
  await addFault(bed.sandbox, { match: { eventType: 'refund.*' }, kind: 'drop', times: 100_000 });
  await addFault(bed.sandbox, { match: { eventType: 'charge.refund*' }, kind: 'drop', times: 100_000 });
});
afterAll(() => bed.close());

const callsOf = ({ payment }: Paid) =>
  calls
    .filter(({ orderId }) => orderId === payment.orderId)
    .map(({ status, previousStatus, orderPaidAmount, orderCoveredAmount, body: { source } }) => [
      previousStatus,
      status,
      orderPaidAmount,
      orderCoveredAmount,
      source,
    ]);
const make = ({ payment }: Paid, amount: number): Promise<Stripe.Refund> =>
  bed.stripe.refunds.create({ payment_intent: payment.stripePaymentIntentId, amount });
const now = (): number => Math.floor(Date.now() / 1000);
/** Tells of a refund as it was so many seconds from now. */
const tell = async (object: object, seconds = 0, type = 'refund.updated'): Promise<void> => {
  const event = eventOf(type, object, { created: now() + seconds });
  expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
};
/** A row's timeline: from and to which status, who, the flow that ran, the note. */
const linesOf = (type: 'PAYMENT' | 'REFUND', id: string): Promise<unknown[][]> =>
  readTimeline(bed, { type, id }, { columns: 'from_status, to_status, actor, flow, note', noted: 'refund ' });
const rowOf = async ({ payment }: Paid): Promise<Refunded & { id: string }> => {
  const [row] = await readRefunds(server, payment.id);
  if (!row) throw new Error('no refund');
  return row;
};

test('a refund that ends, and fails after all, is counted, told to the flow and told in both timelines each time', async () => {
  const paid = await payOrder(bed, server);
  const made = await make(paid, 4_000);
  await tell({ ...made, status: 'pending' }, 0, 'refund.created');
  const { id } = await rowOf(paid);
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 0, amountRefundable: 6_000 });
  await tell(made, 1);
  await tell({ ...made, status: 'failed', failure_reason: 'lost_or_stolen_card' }, 2);
  expect(await rowOf(paid)).toMatchObject({ version: 3, status: 'FAILED', failureReason: 'lost_or_stolen_card' });
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 0, amountRefundable: 10_000 });
  expect(callsOf(paid)).toEqual([
    ['PENDING', 'REFUNDED', 6_000, 6_000, 'EVENT'],
    ['REFUNDED', 'FAILED', 10_000, 10_000, 'EVENT'],
  ]);
  expect(await linesOf('REFUND', id)).toEqual([
    [null, 'PENDING', 'stripe', null, null],
    ['PENDING', 'REFUNDED', 'stripe', 'refund-callback', null],
    ['REFUNDED', 'FAILED', 'stripe', 'refund-callback', null],
  ]);
  const stays = ['SUCCESSFUL', 'SUCCESSFUL', 'stripe'];
  expect(await linesOf('PAYMENT', paid.payment.id)).toEqual([
    [...stays, null, `refund ${id} of 40.00 USD is PENDING`],
    [...stays, 'refund-callback', `refund ${id} of 40.00 USD is REFUNDED`],
    [...stays, 'refund-callback', `refund ${id} of 40.00 USD is FAILED`],
  ]);
});

test('a refund that is told of again changes nothing and runs no flow, and makes what is older late', async () => {
  const paid = await payOrder(bed, server);
  const made = await make(paid, 4_000);
  await tell(made, 0, 'refund.created');
  await tell(made, 20);
  expect(await rowOf(paid)).toMatchObject({ version: 1, status: 'REFUNDED' });
  // Older than what was seen it undoes no end: Stripe is asked, and has it as it was.
  await tell({ ...made, status: 'failed' }, 10);
  expect(await rowOf(paid)).toMatchObject({ version: 1, status: 'REFUNDED' });
  expect(callsOf(paid)).toHaveLength(1);
});

test('money that comes back from a failed refund lets what was begun instead be withdrawn, and one that was none doesn’t', async () => {
  const paid = await payOrder(bed, server);
  const made = await make(paid, 10_000);
  await tell(made, 0, 'refund.created');
  const second = await pay(server, paid.payment.orderId);
  const isMarked = async (): Promise<boolean> =>
    (
      await bed.sql.query<{ is: boolean }>(
        'select withdraw_at is not null or status = $2 as "is" from tollgate.payment where id = $1',
        [second.payment.id, 'CANCELED'],
      )
    ).rows[0]?.is ?? false;
  const other = { ...made, id: `${made.id}_other`, amount: 1, status: 'pending' };
  await tell(other, 1, 'refund.created');
  await tell({ ...other, status: 'failed' }, 2);
  expect(await isMarked()).toBe(false);
  await tell({ ...made, status: 'failed' }, 3);
  expect(await isMarked()).toBe(true);
});

test('an order that has too much once a refund failed is marked for it', async () => {
  const paid = await payOrder(bed, server);
  const made = await make(paid, 10_000);
  await tell(made, 0, 'refund.created');
  await bed.sql.query('update public.shop_order set amount = 9999 where id = $1', [paid.payment.orderId]);
  const isMarked = async (): Promise<boolean> =>
    (
      await bed.sql.query<{ is: boolean }>('select excess_at is not null as "is" from tollgate.payment where id = $1', [
        paid.payment.id,
      ])
    ).rows[0]?.is ?? false;
  expect(await isMarked()).toBe(false);
  await tell({ ...made, status: 'failed' }, 1);
  expect(await isMarked()).toBe(true);
});

test('an id that Stripe never had for a refund of ours is replaced by the one that carries its mark, and only then', async () => {
  const paid = await payOrder(bed, server);
  const made = await refund(server, paid.payment.id, 4_000);
  const other = await make(paid, 1_000);
  const write = (id: string | null) =>
    bed.sql.query('update tollgate.refund set stripe_refund_id = $2 where id = $1', [made.id, id]);
  const marked = await bed.stripe.refunds.retrieve(made.stripeRefundId ?? '');
  // Stripe lists both: the one that the row has is another refund, not a wrong id.
  await write(other.id);
  await tell(marked, 1);
  expect(await rowOf(paid)).toMatchObject({ stripeRefundId: other.id });
  await write('re_nobodys');
  await tell(marked, 2);
  const rows = await readRefunds(server, paid.payment.id);
  expect(rows.find(({ id }) => id === made.id)).toMatchObject({ stripeRefundId: marked.id, status: 'REFUNDED' });
});

test('the version of a payment and its refunds is another one whichever of them moved, or both', () => {
  const held = (payment: number, ...refunds: number[]) => ({
    payment: { version: payment } as Payment,
    refunds: refunds.map((version) => ({ version }) as Refund),
  });
  expect([held(3), held(3, 2), held(4, 2), held(4, 3), held(4, 3, 2)].map(versionOf)).toEqual([3, 5, 6, 7, 9]);
});

describe('a refund that contradicts the row that its mark names', () => {
  const transitions = createRefundTransitions({ marks: { rowOf: () => '1' } } as unknown as Parameters<
    typeof createRefundTransitions
  >[0]);
  const row = {
    id: '1',
    version: 1,
    amount: 4_000,
    currency: 'USD',
    status: 'PENDING',
    stripeRefundId: 're_1',
  } as Refund;
  const payment = { id: '1', version: 1, amountReceived: 10_000 } as Payment;
  const held: HeldRefunds = { payment, refunds: [row], changed: { payment: undefined, refunds: [] } };
  const snapshot = {
    refundId: 're_2',
    amount: 4_000,
    currency: 'USD',
    signal: 'succeed',
    at: 1,
    object: {},
  } as RefundSnapshot;
  const apply = (change: Partial<RefundSnapshot>, cause: object, of = held) =>
    transitions.apply({} as Tx, of, {
      snapshots: [{ ...snapshot, ...change }],
      cause: { actor: 'job', source: 'FETCH', current: true, ...cause },
    });
  const LISTED = { listed: new Set(['re_2']) };

  test('is asked about where only an event told so', async () => {
    expect(await apply({}, { ...LISTED, current: false })).toMatchObject({ kind: 'asked' });
  });

  test.each([
    ['in its amount', { amount: 4_001 }, LISTED, NotAnAnswerError],
    ['in its currency', { currency: 'EUR' }, LISTED, NotAnAnswerError],
    ['in its id, and nobody knows what Stripe lists', {}, {}, NotOursError],
    ['in its id, and Stripe lists both', {}, { listed: new Set(['re_1', 're_2']) }, NotOursError],
  ])('%s is refused before anything is written', async (_, change, cause, error) => {
    await expect(apply(change, cause)).rejects.toThrow(error);
  });
});
