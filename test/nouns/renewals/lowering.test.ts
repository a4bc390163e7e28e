import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import type { RecurringCharge, RecurringChargeFlow } from '../../../src/flows/flows.js';
import { renewalProblems } from '../../../src/nouns/renewals/problems.js';
import { createDatabase, type Database } from '../../../src/storage/database.js';
import {
  type Charge,
  eventually,
  monthlyPrice,
  type Recurring,
  readCharges,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let database: Database;
let amount: (charge: RecurringCharge) => number | undefined;
let asked: string[] = [];
const flow: RecurringChargeFlow = {
  ...recurringCharge,
  tooLate: 'refund',
  amount: (charge) => {
    asked.push(charge.invoiceId);
    return amount(charge);
  },
};

beforeAll(async () => {
  bed = await openTestBed();
  database = createDatabase({ url: bed.database.url, poolSize: 2 });
  server = await bed.start({ flows: { recurringCharge: flow } });
});
beforeEach(async () => {
  asked = [];
  await clearFaults(bed.sandbox);
});
afterAll(async () => {
  await database.close();
  await bed.close();
});

const laterCharge = (id: string, status = 'SUCCESSFUL'): Promise<Charge | undefined> =>
  eventually(
    () => readCharges(server, id),
    (rows) => rows.length === 2 && rows[1]?.status === status,
  ).then((rows) => rows[1]);

const laterInvoice = async ({ stripeSubscriptionId }: Recurring) =>
  (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId, limit: 1 })).data[0];

const reductionsOn = async (invoice: string | undefined): Promise<number[]> =>
  (await bed.stripe.invoiceItems.list({ invoice: invoice ?? '' })).data.map((item) => item.amount);

const problemOf = async (invoice: string | undefined): Promise<string[]> =>
  (await renewalProblems(database)).filter(({ message }) => message.includes(`${invoice} `)).map(({ code }) => code);

test('the lowered amount is what is charged, decided once however often the events come', async () => {
  amount = () => 7_500;
  await addFault(bed.sandbox, { kind: 'duplicate', match: { eventType: 'invoice.*' }, times: 100 });
  const recurring = await startActive(bed, server);
  await renew(bed);
  expect(await laterCharge(recurring.id)).toMatchObject({ amount: 7_500, amountReceived: 7_500 });
  const invoice = await laterInvoice(recurring);
  expect(invoice).toMatchObject({ total: 7_500, amount_paid: 7_500 });
  expect(await reductionsOn(invoice?.id)).toEqual([-2_500]);
  expect(asked.filter((id) => id === invoice?.id)).toHaveLength(1);
  expect(await problemOf(invoice?.id)).toEqual([]);
});

test('a period may cost nothing: a payment of 0, and an order', async () => {
  amount = () => 0;
  const recurring = await startActive(bed, server);
  await renew(bed);
  expect(await laterCharge(recurring.id)).toMatchObject({ amount: 0, amountReceived: 0, stripePaymentIntentId: null });
});

test.each([
  ['more than the first amount', 10_001, 'RENEWAL_ABOVE_FIRST'],
  ['less than Stripe can charge', 49, 'RENEWAL_UNCHARGEABLE'],
  ['no whole number', 0.5, 'RENEWAL_UNCHARGEABLE'],
])('%s is refused as a problem, and the unchanged invoice goes on', async (_, wanted, code) => {
  amount = () => wanted;
  const recurring = await startActive(bed, server);
  await renew(bed);
  expect(await laterCharge(recurring.id)).toMatchObject({ amount: 10_000, amountReceived: 10_000 });
  const invoice = await laterInvoice(recurring);
  expect(await problemOf(invoice?.id)).toEqual([code]);
});

test('finalised before it could be lowered: a problem until it is paid, then the difference is refunded once', async () => {
  amount = () => 6_000;
  const recurring = await startActive(bed, server);
  await setLaterMethod(bed, recurring.stripeSubscriptionId, 'pm_card_chargeCustomerFail');
  // The other tests' subscriptions renew at the same time.
  await addFault(bed.sandbox, { kind: 'drop', match: { eventType: 'invoice.created' }, times: 100 });
  await renew(bed);
  const failed = await laterCharge(recurring.id, 'FAILED');
  const invoice = await laterInvoice(recurring);
  await eventually(
    () => problemOf(invoice?.id),
    ([code]) => code === 'RENEWAL_TOO_LATE',
  );
  await setLaterMethod(bed, recurring.stripeSubscriptionId, 'pm_card_visa');
  await bed.stripe.invoices.pay(invoice?.id ?? '');
  await laterCharge(recurring.id);
  await eventually(
    () => problemOf(invoice?.id),
    ({ length }) => length === 0,
  );
  const { data } = await bed.stripe.refunds.list({ payment_intent: failed?.stripePaymentIntentId ?? '' });
  expect(data.map((refund) => refund.amount)).toEqual([4_000]);
});

test('a refund of the difference that the bank has yet to decide leaves the problem until it went back', async () => {
  amount = () => 6_000;
  const recurring = await startActive(bed, server);
  await setLaterMethod(bed, recurring.stripeSubscriptionId, 'pm_card_pendingRefund');
  await addFault(bed.sandbox, { kind: 'drop', match: { eventType: 'invoice.created' }, times: 100 });
  await renew(bed);
  const paid = await laterCharge(recurring.id);
  const invoice = await laterInvoice(recurring);
  const refunds = async () =>
    (await bed.stripe.refunds.list({ payment_intent: paid?.stripePaymentIntentId ?? '' })).data;
  const [refund] = await eventually(refunds, ({ length }) => length === 1);
  const lookAgain = () =>
    bed.sql.query(
      `with due as (update tollgate.renewal set due_at = now() where stripe_invoice_id = $1 and due_at is not null) select 1`,
      [invoice?.id],
    );
  await bed.sandbox.settled();
  await lookAgain();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await eventually(
    () => problemOf(invoice?.id),
    ({ length }) => length === 1,
  );
  expect(await problemOf(invoice?.id)).toEqual(['RENEWAL_TOO_LATE']);
  await fetch(`${bed.sandbox.url}/_sandbox/refunds/${refund?.id}/succeed`, { method: 'POST' });
  await bed.sandbox.settled();
  await eventually(
    async () => {
      await lookAgain();
      return problemOf(invoice?.id);
    },
    ({ length }) => length === 0,
  );
  expect((await refunds()).map(({ amount: back }) => back)).toEqual([4_000]);
});

test.each([
  ['the answer is lost', { kind: 'disconnect-after-apply', times: 3 }],
  ['Stripe made the item and answers 500', { kind: 'status', status: 500, applied: true, saved: true, times: 3 }],
  ['Stripe answers 500 and made nothing', { kind: 'status', status: 500, times: 3 }],
])(
  'one negative item, also when %s',
  async (_, fault) => {
    amount = () => 9_000;
    const recurring = await startActive(bed, server, { priceId: await monthlyPrice(bed) });
    await addFault(bed.sandbox, { ...fault, match: { method: 'POST', path: '/v1/invoiceitems' } });
    const { items } = await bed.stripe.subscriptions.retrieve(recurring.stripeSubscriptionId);
    const { now } = (await (await fetch(`${bed.sandbox.url}/_sandbox/clock`)).json()) as { now: number };
    // To the draft alone: its hour has not passed yet.
    await renew(bed, (items.data[0]?.current_period_end ?? 0) - now + 60);
    const draft = await laterInvoice(recurring);
    await eventually(
      () => laterInvoice(recurring),
      (invoice) => invoice?.total === 9_000,
      40_000,
    );
    expect(await reductionsOn(draft?.id)).toEqual([-1_000]);
    await renew(bed, 7_200);
    expect(await laterCharge(recurring.id)).toMatchObject({ amount: 9_000, amountReceived: 9_000 });
  },
  60_000,
);

test('when time runs out the finalisation is pushed back, and the charge is lowered later', async () => {
  amount = () => 5_000;
  const recurring = await startActive(bed, server);
  await addFault(bed.sandbox, {
    kind: 'status',
    status: 500,
    times: 10_000,
    match: { method: 'POST', path: '/v1/invoiceitems' },
  });
  const { items } = await bed.stripe.subscriptions.retrieve(recurring.stripeSubscriptionId);
  const { now } = (await (await fetch(`${bed.sandbox.url}/_sandbox/clock`)).json()) as { now: number };
  await renew(bed, (items.data[0]?.current_period_end ?? 0) - now + 60);
  const draft = await laterInvoice(recurring);
  await renew(bed, 3_000);
  const own = draft?.automatically_finalizes_at ?? 0;
  await eventually(
    () => laterInvoice(recurring),
    (invoice) => (invoice?.automatically_finalizes_at ?? 0) > own + 600,
    40_000,
  );
  await clearFaults(bed.sandbox);
  await eventually(
    () => laterInvoice(recurring),
    (invoice) => invoice?.total === 5_000,
    40_000,
  );
  expect(await reductionsOn(draft?.id)).toEqual([-5_000]);
});
