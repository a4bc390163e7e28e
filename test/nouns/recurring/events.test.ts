import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  eventually,
  initiate,
  intentOf,
  monthlyPrice,
  readCharges,
  readRecurring,
  startActive,
} from '../../harness/recurring.js';
import { deliver, eventOf } from '../../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const endOf = async (eventId: unknown) =>
  (await bed.sql.query('select status, reason from tollgate.stripe_event where id = $1', [eventId])).rows[0];

const send = async (type: string, object: object): Promise<{ status: string; reason: string | null }> => {
  const event = eventOf(type, object);
  expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
  return endOf(event['id']);
};

test('a subscription is never applied from a payload: Stripe’s present one decides', async () => {
  const recurring = await startActive(bed, server);
  const subscription = await bed.stripe.subscriptions.retrieve(recurring.stripeSubscriptionId);
  const lie = {
    ...subscription,
    status: 'canceled',
    ended_at: subscription.created,
    canceled_at: subscription.created,
  };
  expect(await send('customer.subscription.deleted', lie)).toMatchObject({ status: 'PROCESSED' });
  expect(await readRecurring(server, recurring.id)).toEqual(recurring);
});

test('an invoice is never applied from a payload: one that claims to be paid pays nothing', async () => {
  const orderId = await bed.createOrder();
  const { recurringPayment } = await initiate(server, orderId, await monthlyPrice(bed));
  const [invoice] = (await bed.stripe.invoices.list({ subscription: recurringPayment.stripeSubscriptionId })).data;
  expect(
    await send('invoice.paid', { ...invoice, status: 'paid', amount_paid: 10_000, amount_remaining: 0 }),
  ).toMatchObject({ status: 'PROCESSED' });
  expect(await readCharges(server, recurringPayment.id)).toMatchObject([{ status: 'PENDING', amountReceived: 0 }]);
  expect(await bed.orderStatus(orderId)).toBe('pending');
});

test('all events again, shuffled and at once, change nothing', async () => {
  const recurring = await startActive(bed, server);
  const charges = await readCharges(server, recurring.id);
  const { data } = await bed.stripe.events.list({ limit: 100 });
  const own = data.filter((event) => JSON.stringify(event).includes(recurring.stripeSubscriptionId));
  expect(own.length).toBeGreaterThan(4);
  const shuffled = own.map((event) => ({ event, at: Math.random() })).sort((a, b) => a.at - b.at);
  // Under new ids: as another endpoint of the same account would bring them.
  const answers = await Promise.all(
    shuffled.map(({ event }) => send(event.type, event.data.object as unknown as Record<string, unknown>)),
  );
  expect(answers.filter(({ status }) => status !== 'PROCESSED' && status !== 'IGNORED')).toEqual([]);
  expect(await readRecurring(server, recurring.id)).toEqual(recurring);
  expect(await readCharges(server, recurring.id)).toEqual(charges);
});

test('objects of another installation on the same Stripe account are ignored, with the reason', async () => {
  const recurring = await startActive(bed, server);
  const subscription = await bed.stripe.subscriptions.retrieve(recurring.stripeSubscriptionId);
  const [invoice] = (await bed.stripe.invoices.list({ subscription: subscription.id })).data;
  const metadata = { ...subscription.metadata, tollgate_installation: 'another' };
  expect(await send('customer.subscription.updated', { ...subscription, metadata })).toMatchObject({
    status: 'IGNORED',
    reason: expect.stringContaining('another installation'),
  });
  const parent = { ...invoice?.parent, subscription_details: { ...invoice?.parent?.subscription_details, metadata } };
  expect(await send('invoice.paid', { ...invoice, parent })).toMatchObject({
    status: 'IGNORED',
    reason: expect.stringContaining('another installation'),
  });
});

test('an invoice without a subscription, and a subscription that nobody started here, are ignored', async () => {
  const customer = await bed.stripe.customers.create({});
  const price = await monthlyPrice(bed);
  const foreign = await bed.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price }],
    payment_behavior: 'default_incomplete',
  });
  expect(await send('customer.subscription.updated', foreign)).toMatchObject({ status: 'IGNORED' });
  const [invoice] = (await bed.stripe.invoices.list({ subscription: foreign.id })).data;
  expect(await send('invoice.finalized', { ...invoice, parent: null })).toMatchObject({
    status: 'IGNORED',
    reason: 'The invoice belongs to no subscription.',
  });
});

test('an event of an intent that matched nothing when it came is tried again once its payment is known', async () => {
  const recurring = await startActive(bed, server);
  const deaf = bed.sandbox;
  deaf.setWebhookUrl(`${server.url}/nowhere`);
  // A charge in between that only Stripe knows of: its intent's event comes before the invoice's.
  const { customer } = await bed.stripe.subscriptions.retrieve(recurring.stripeSubscriptionId);
  await bed.stripe.invoiceItems.create({ customer: String(customer), amount: 500, currency: 'usd' });
  const created = await bed.stripe.invoices.create({
    customer: String(customer),
    subscription: recurring.stripeSubscriptionId,
    auto_advance: true,
  });
  const paid: Stripe.Invoice = await bed.stripe.invoices.pay(
    (await bed.stripe.invoices.finalizeInvoice(created.id)).id,
    { expand: ['payments'] },
  );
  deaf.setWebhookUrl(`${server.url}/webhooks/stripe`);
  const intent = await bed.stripe.paymentIntents.retrieve(String(paid.payments?.data[0]?.payment.payment_intent));
  const early = eventOf('payment_intent.succeeded', intent);
  await deliver(server, JSON.stringify(early));
  expect(await endOf(early['id'])).toMatchObject({ status: 'IGNORED' });
  expect(await send('invoice.paid', paid)).toMatchObject({ status: 'PROCESSED' });
  await eventually(
    () => endOf(early['id']),
    ({ status }) => status === 'PROCESSED',
  );
  const [, later] = await readCharges(server, recurring.id);
  expect(later).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 500, stripePaymentIntentId: intent.id });
});

test('the first charge settles by its intent alone, before any invoice event', async () => {
  const orderId = await bed.createOrder();
  const { recurringPayment, clientSecret } = await initiate(server, orderId, await monthlyPrice(bed));
  bed.sandbox.setWebhookUrl(`${server.url}/nowhere`);
  const intent = await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
  bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  expect(await send('payment_intent.succeeded', intent)).toMatchObject({ status: 'PROCESSED' });
  expect(await readCharges(server, recurringPayment.id)).toMatchObject([
    { status: 'SUCCESSFUL', amountReceived: 10_000 },
  ]);
  expect(await bed.orderStatus(orderId)).toBe('paid');
});
