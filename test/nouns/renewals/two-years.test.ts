import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, readCharges, readRecurring, renew, setLaterMethod, startActive } from '../../harness/recurring.js';
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

test('two years of a monthly price, declines in some months, every delivery twice and out of order: one order per paid invoice', async () => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  await addFault(bed.sandbox, { kind: 'duplicate', match: { eventType: '*' }, times: 1_000_000 });
  await addFault(bed.sandbox, { kind: 'reorder', match: { eventType: '*' }, times: 1_000_000 });
  for (let month = 1; month <= 24; month += 1) {
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
  expect(new Set(rows.map(({ orderId }) => orderId)).size).toBe(charges.length);
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
