import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { failureOf, useWorlds, type World } from '../harness.js';
import { DAY, HOUR, invoicesOf, monthly, startPaid, untilPeriodEnd } from './journey.js';

const worlds = useWorlds();

/** The draft of the first renewal. */
const renewalDraft = async (
  world: World,
  later?: string,
): Promise<{ subscription: Stripe.Subscription; draft: Stripe.Invoice }> => {
  const subscription = await startPaid(world, later);
  await world.advance(await untilPeriodEnd(world, subscription));
  const [draft] = await invoicesOf(world, subscription);
  if (draft?.status !== 'draft') throw new Error('there is no draft');
  return { subscription, draft };
};

const reduce = async ({ stripe }: World, draft: Stripe.Invoice, amount: number): Promise<Stripe.InvoiceItem> =>
  await stripe.invoiceItems.create({
    customer: String(draft.customer),
    invoice: draft.id ?? '',
    amount,
    currency: 'usd',
    description: 'Loyalty',
  });

describe('the draft of a renewal', () => {
  test('is lowered by a negative item, and that is what is charged', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { draft, subscription } = await renewalDraft(world);
    const item = await reduce(world, draft, -400);
    expect(item).toMatchObject({ invoice: draft.id, amount: -400 });
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ total: 600, amount_due: 600 });
    expect((await stripe.invoices.listLineItems(draft.id ?? '')).data.map(({ amount }) => amount)).toEqual([
      1_000, -400,
    ]);
    await stripe.invoiceItems.update(item.id, { amount: -300 });
    await world.advance(HOUR);
    const [paid] = await invoicesOf(world, subscription, ['data.payments']);
    expect(paid).toMatchObject({ status: 'paid', total: 700, amount_paid: 700 });
    const intent = String(paid?.payments?.data[0]?.payment.payment_intent);
    expect(await stripe.paymentIntents.retrieve(intent)).toMatchObject({ amount_received: 700, metadata: {} });
    expect(await failureOf(stripe.invoiceItems.del(item.id))).toMatchObject({ code: 'invoice_not_editable' });
    expect(await failureOf(reduce(world, draft, -1))).toMatchObject({ code: 'invoice_not_editable' });
  });

  test('is finalised later when that is put off, and not at all without auto_advance', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { draft, subscription } = await renewalDraft(world);
    const later = draft.created + 5 * HOUR;
    const put = await stripe.invoices.update(draft.id ?? '', { automatically_finalizes_at: later });
    expect(put.automatically_finalizes_at).toBe(later);
    await world.advance(4 * HOUR);
    expect((await invoicesOf(world, subscription))[0]?.status).toBe('draft');
    await stripe.invoices.update(draft.id ?? '', { auto_advance: false });
    await world.advance(2 * HOUR);
    expect((await invoicesOf(world, subscription))[0]).toMatchObject({
      status: 'draft',
      automatically_finalizes_at: null,
    });
    await stripe.invoices.update(draft.id ?? '', { auto_advance: true });
    await world.advance(HOUR);
    expect((await invoicesOf(world, subscription))[0]?.status).toBe('paid');
  });

  test('waits, while the clock runs, for what an endpoint does in answer to it', async () => {
    const world = await worlds.start();
    const { receiver, stripe } = world;
    const subscription = await startPaid(world);
    receiver.answer = async ({ event }) => {
      if (event.type === 'invoice.created' && event.data.object.billing_reason === 'subscription_cycle')
        await reduce(world, event.data.object, -250);
      return 200;
    };
    await world.advance(3 * 31 * DAY + HOUR);
    const paid = (await invoicesOf(world, subscription)).filter(({ status }) => status === 'paid');
    expect(paid.map(({ amount_paid: amount }) => amount)).toEqual([750, 750, 750, 1_000]);
    expect((await stripe.invoices.list({ status: 'draft' })).data).toEqual([]);
  });

  test.each([
    ['to nothing is paid without a charge', -1_000, { total: 0, amount_due: 0, ending_balance: 0 }, 0],
    ['below nothing is credited to the customer', -1_500, { total: -500, amount_due: 0, ending_balance: -500 }, -500],
    ['below the smallest charge is carried over', -970, { total: 30, amount_due: 0, ending_balance: 30 }, 30],
  ])('lowered %s', async (_title, amount, expected, balance) => {
    const world = await worlds.start();
    const { stripe } = world;
    const { draft, subscription } = await renewalDraft(world);
    await reduce(world, draft, amount);
    await world.advance(HOUR);
    const [paid] = await invoicesOf(world, subscription, ['data.payments']);
    expect(paid).toMatchObject({ status: 'paid', amount_paid: 0, payments: { data: [] }, ...expected });
    expect(await stripe.customers.retrieve(String(draft.customer))).toMatchObject({ balance });
    await world.advance(31 * DAY + HOUR);
    const [next] = await invoicesOf(world, subscription);
    expect(next).toMatchObject({ status: 'paid', starting_balance: balance, amount_paid: 1_000 + balance });
  });

  test('can be made to fail its finalisation', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const { draft } = await renewalDraft(world);
    await world.control('POST', `/invoices/${draft.id}/fail_finalization`, {});
    await world.advance(HOUR);
    expect(receiver.types()).toContain('invoice.finalization_failed');
    const failed = await stripe.invoices.retrieve(draft.id ?? '');
    expect(failed).toMatchObject({ status: 'draft', last_finalization_error: { type: 'invalid_request_error' } });
    expect((await stripe.invoices.finalizeInvoice(draft.id ?? '')).status).toBe('open');
    expect((await stripe.invoices.pay(draft.id ?? '')).status).toBe('paid');
  });
});

describe('an open invoice', () => {
  const unpaid = async (world: World) => {
    const made = await renewalDraft(world, 'pm_card_chargeCustomerFail');
    await world.advance(HOUR);
    return { ...made, id: made.draft.id ?? '' };
  };

  test('is paid with another card, after a decline that is answered and counted', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { id, subscription } = await unpaid(world);
    expect(await failureOf(stripe.invoices.pay(id))).toMatchObject({ statusCode: 402, code: 'card_declined' });
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: String(subscription.customer) });
    expect(await stripe.invoices.pay(id, { payment_method: card.id })).toMatchObject({
      status: 'paid',
      attempt_count: 1,
    });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect(await failureOf(stripe.invoices.pay(id))).toMatchObject({ code: 'invoice_already_paid' });
  });

  test('that must be authenticated answers a card error, and is paid once the customer has', async () => {
    const world = await worlds.start();
    const { stripe, control } = world;
    const { id, draft } = await unpaid(world);
    const method = await stripe.paymentMethods.attach('pm_card_authenticationRequired', {
      customer: String(draft.customer),
    });
    for (const off_session of [true, false, true]) {
      const paying = stripe.invoices.pay(id, { payment_method: method.id, off_session });
      expect(await failureOf(paying)).toMatchObject({
        statusCode: 402,
        type: 'StripeCardError',
        rawType: 'card_error',
        code: 'invoice_payment_intent_requires_action',
      });
    }
    const open = await stripe.invoices.retrieve(id, { expand: ['payments.data.payment.payment_intent'] });
    const intent = open.payments?.data[0]?.payment.payment_intent as Stripe.PaymentIntent;
    expect([open.status, intent.status]).toEqual(['open', 'requires_action']);
    await control('POST', `/payment_intents/${intent.id}/authenticate`, {});
    expect((await stripe.invoices.retrieve(id)).status).toBe('paid');
  });

  test('paid out of band cancels its payment and tells no success of a charge', async () => {
    const world = await worlds.start();
    const { stripe, receiver, sandbox } = world;
    const { id } = await unpaid(world);
    receiver.received.length = 0;
    const paid = await stripe.invoices.pay(id, { paid_out_of_band: true }, {});
    expect(paid).toMatchObject({ status: 'paid', amount_remaining: 0, amount_paid_off_stripe: 1_000 });
    const { data } = await stripe.invoicePayments.list({ invoice: id });
    expect(data.map(({ status }) => status)).toEqual(['canceled']);
    await sandbox.settled();
    expect(receiver.types()).toEqual(expect.arrayContaining(['invoice.paid', 'payment_intent.canceled']));
    expect(receiver.types()).not.toContain('invoice.payment_succeeded');
  });

  test('is voided, or written off for the time being, and the subscription is in good standing again', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { id, subscription } = await unpaid(world);
    expect((await stripe.invoices.markUncollectible(id)).status).toBe('uncollectible');
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect((await stripe.invoices.voidInvoice(id)).status).toBe('void');
    expect(await failureOf(stripe.invoices.pay(id))).toMatchObject({ statusCode: 400 });
    await world.advance(10 * DAY);
    expect((await stripe.invoices.retrieve(id)).status).toBe('void');
  });

  test.each([
    'unpaid',
    'past_due',
  ])('that is never paid leaves the subscription %s where that is chosen', async (after) => {
    const world = await worlds.start();
    const { stripe } = world;
    await world.control('POST', '/billing', { afterRetries: after });
    const { subscription } = await unpaid(world);
    await world.advance(16 * DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe(after);
  });
});

test('an invoice without a subscription takes waiting items and is paid when asked', async () => {
  const world = await worlds.start();
  const { stripe } = world;
  const { customer, product } = await monthly(world, { method: 'pm_card_visa' });
  const once = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 700 });
  await stripe.invoiceItems.create({ customer: customer.id, amount: 300, currency: 'usd' });
  await stripe.invoiceItems.create({ customer: customer.id, pricing: { price: once.id }, quantity: 2 });
  expect((await stripe.invoiceItems.list({ pending: true })).data).toHaveLength(2);
  const invoice = await stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include' });
  expect(invoice).toMatchObject({ status: 'draft', billing_reason: 'manual', total: 1_700, parent: null });
  expect(await stripe.invoices.pay(invoice.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 1_700 });
  const empty = await stripe.invoices.create({ customer: customer.id });
  expect(await stripe.invoices.del(empty.id ?? '')).toMatchObject({ deleted: true });
});

test('fields that Stripe took away are gone, and asking for them is an error', async () => {
  const world = await worlds.start();
  const subscription = await startPaid(world);
  const [invoice] = await invoicesOf(world, subscription);
  for (const name of ['payment_intent', 'subscription', 'charge', 'paid']) expect(invoice).not.toHaveProperty(name);
  expect(subscription).not.toHaveProperty('current_period_end');
  const error = await failureOf(
    world.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice.payment_intent'] }),
  );
  expect(error.message).toContain('cannot be expanded');
});

test('lines are paged in both directions, and an unknown cursor is refused', async () => {
  const world = await worlds.start();
  const { stripe } = world;
  const { customer } = await monthly(world);
  const draft = await stripe.invoices.create({ customer: customer.id });
  for (const amount of [100, 200, 300, 400, 500])
    await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id ?? '', amount, currency: 'usd' });
  const id = draft.id ?? '';
  const amounts = (page: { data: Stripe.InvoiceLineItem[] }): number[] => page.data.map(({ amount }) => amount);
  const first = await stripe.invoices.listLineItems(id, { limit: 2 });
  expect([amounts(first), first.has_more]).toEqual([[100, 200], true]);
  const rest = await stripe.invoices.listLineItems(id, { limit: 3, starting_after: first.data[1]?.id ?? '' });
  expect([amounts(rest), rest.has_more]).toEqual([[300, 400, 500], false]);
  const back = await stripe.invoices.listLineItems(id, { limit: 2, ending_before: rest.data[1]?.id ?? '' });
  expect([amounts(back), back.has_more]).toEqual([[200, 300], true]);
  for (const name of ['starting_after', 'ending_before'] as const)
    expect(await failureOf(stripe.invoices.listLineItems(id, { [name]: 'il_none' }))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: name,
    });
  expect(await stripe.invoices.del(id)).toMatchObject({ id, object: 'invoice', deleted: true });
  expect(await failureOf(stripe.invoices.retrieve(id))).toMatchObject({ statusCode: 404, code: 'resource_missing' });
});
