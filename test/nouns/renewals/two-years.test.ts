import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  alter,
  eventually,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { addFault, advanceClock, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const DAY = 24 * 3_600;

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const invoicesOf = async (subscription: string) =>
  (await bed.stripe.invoices.list({ subscription, limit: 100, expand: ['data.payments'] })).data.reverse();

test('two years of a monthly price, declines in some months, other terms from the second year on, every delivery twice and out of order: one order per paid period', async () => {
  const { id, orderId, stripeSubscriptionId } = await startActive(bed, server);
  const dear = await monthlyPrice(bed, { unit_amount: 20_000 });
  await addFault(bed.sandbox, { kind: 'duplicate', match: { eventType: '*' }, times: 1_000_000 });
  await addFault(bed.sandbox, { kind: 'reorder', match: { eventType: '*' }, times: 1_000_000 });
  for (let month = 1; month <= 24; month += 1) {
    if (month === 12) {
      await bed.sql.query('update public.shop_order set amount = 20000 where id = $1', [orderId]);
      const terms = { recurringPaymentId: id, priceId: dear, proration: 'ALWAYS_INVOICE' };
      expect(await alter(server, 'changeRecurringPayment', terms)).toMatchObject({ agreedAmount: 20_000 });
    }
    const declines = month % 5 === 3;
    if (declines) await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    await renew(bed, 31 * DAY);
    // Stripe tries again some days into the next month.
    if (declines) await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_visa');
  }
  await advanceClock(bed.sandbox, 12 * DAY);
  await clearFaults(bed.sandbox);
  const invoices = await invoicesOf(stripeSubscriptionId);
  expect(invoices.length).toBeGreaterThanOrEqual(24);
  const paid = invoices.filter(({ status }) => status === 'paid').length;
  const charges = await eventually(
    () => readCharges(server, id),
    (rows) => rows.length === invoices.length && rows.filter(({ status }) => status === 'SUCCESSFUL').length === paid,
    30_000,
  );
  const { rows } = await bed.sql.query<{ invoice: string; received: string; orderId: string; status: string }>(
    `select p.stripe_invoice_id as invoice, p.amount_received as received, p.order_id as "orderId", o.status
        from tollgate.payment p join public.shop_order o on o.id = p.order_id
        where recurring_payment_id = $1 order by p.id`,
    [id],
  );
  expect(rows.map(({ invoice }) => invoice).sort()).toEqual(invoices.map((invoice) => invoice.id).sort());
  // The change's payment is of the first order; each period has its own.
  expect(rows.filter((row) => row.orderId === orderId)).toHaveLength(2);
  expect(new Set(rows.map((row) => row.orderId)).size).toBe(charges.length - 1);
  expect(invoices.filter(({ amount_paid: paid }) => paid === 20_000).length).toBeGreaterThan(10);
  for (const invoice of invoices) {
    const row = rows.find((candidate) => candidate.invoice === invoice.id);
    const isPaid = invoice.status === 'paid';
    expect(row, invoice.id).toMatchObject({
      received: String(isPaid ? invoice.amount_paid : 0),
      status: isPaid ? 'paid' : 'pending',
    });
  }
  const subscription = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
  expect(await readRecurring(server, id)).toMatchObject({
    status: subscription.status.toUpperCase(),
    currentPeriodEnd: new Date((subscription.items.data[0]?.current_period_end ?? 0) * 1000).toISOString(),
  });
  const dead = await bed.sql.query(
    `select id, type, last_error from tollgate.stripe_event where status in ('FAILED', 'DEAD')`,
  );
  expect(dead.rows).toEqual([]);
}, 300_000);
