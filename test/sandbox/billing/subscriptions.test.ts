import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { failureOf, useWorlds } from '../harness.js';
import { confirmFirst, DAY, HOUR, invoicesOf, MONTH, monthly, startPaid, untilPeriodEnd } from './journey.js';

const worlds = useWorlds();

describe('a subscription', () => {
  test('begins incomplete with a secret to confirm, and is active once its first invoice is paid', async () => {
    const world = await worlds.start();
    const { stripe, sandbox, receiver } = world;
    const { price, customer } = await monthly(world);
    const created = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 2 }],
      payment_behavior: 'default_incomplete',
      payment_settings: { save_default_payment_method: 'on_subscription' },
      metadata: { order: '7' },
      expand: ['latest_invoice.confirmation_secret', 'latest_invoice.payments'],
    });
    expect(created).toMatchObject({ status: 'incomplete', default_payment_method: null, metadata: { order: '7' } });
    const invoice = created.latest_invoice as Stripe.Invoice;
    expect(invoice).toMatchObject({
      status: 'open',
      billing_reason: 'subscription_create',
      amount_due: 2_000,
      parent: { subscription_details: { metadata: { order: '7' }, subscription: created.id } },
    });
    expect(invoice.confirmation_secret?.client_secret).toMatch(/^pi_.*_secret_/);
    expect(invoice.payments?.data).toMatchObject([{ status: 'open', is_default: true, amount_requested: 2_000 }]);

    const intent = await confirmFirst(world, created);
    expect(intent.status).toBe('succeeded');
    const active = await stripe.subscriptions.retrieve(created.id, { expand: ['latest_invoice.payments'] });
    expect(active.status).toBe('active');
    expect(active.default_payment_method).toBe(intent.payment_method);
    expect((active.latest_invoice as Stripe.Invoice).payments?.data).toMatchObject([
      { status: 'paid', amount_paid: 2_000, payment: { type: 'payment_intent', payment_intent: intent.id } },
    ]);
    const listed = await stripe.invoicePayments.list({
      payment: { type: 'payment_intent', payment_intent: intent.id },
    });
    expect(listed.data.map((payment) => payment.invoice)).toEqual([invoice.id]);
    await sandbox.settled();
    expect(
      receiver
        .types()
        .filter((type) => /^(invoice|customer\.sub|payment_intent)/.test(type))
        .sort(),
    ).toEqual(
      [
        'customer.subscription.created',
        'invoice.created',
        'payment_intent.created',
        'invoice.finalized',
        'payment_intent.succeeded',
        'invoice_payment.paid',
        'invoice.paid',
        'customer.subscription.updated',
        'invoice.payment_succeeded',
      ].sort(),
    );
  });

  test('renews each month: a draft, an hour later its finalisation and the charge', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const subscription = await startPaid(world);
    receiver.received.length = 0;
    await world.advance(await untilPeriodEnd(world, subscription));
    const [draft] = await invoicesOf(world, subscription);
    expect(draft).toMatchObject({
      status: 'draft',
      billing_reason: 'subscription_cycle',
      total: 1_000,
      attempted: false,
      automatically_finalizes_at: (draft?.created ?? 0) + HOUR,
    });
    expect(receiver.types()).toEqual(expect.arrayContaining(['invoice.created', 'customer.subscription.updated']));
    expect(receiver.types()).not.toContain('invoice.finalized');
    await world.advance(HOUR);
    expect((await invoicesOf(world, subscription))[0]).toMatchObject({
      id: draft?.id,
      status: 'paid',
      amount_paid: 1_000,
      attempt_count: 1,
    });
    expect(receiver.types()).toEqual(
      expect.arrayContaining(['invoice.finalized', 'charge.succeeded', 'invoice_payment.paid', 'invoice.paid']),
    );
    const { items } = await stripe.subscriptions.retrieve(subscription.id);
    const [item] = items.data;
    expect(item?.current_period_start).toBe(subscription.items.data[0]?.current_period_end);
  });

  test('24 months pass in well under a minute, with one paid invoice each', async () => {
    const world = await worlds.start();
    const subscription = await startPaid(world);
    const startedAt = Date.now();
    await world.advance(24 * MONTH + HOUR);
    expect(Date.now() - startedAt).toBeLessThan(40_000);
    const all = await invoicesOf(world, subscription);
    expect(all.filter(({ status }) => status === 'paid')).toHaveLength(25);
    expect(new Set(all.map(({ period_start: start }) => start)).size).toBeGreaterThanOrEqual(24);
  });

  test('expires after 23 hours without a first payment, and its invoice is voided', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const { price, customer } = await monthly(world);
    const created = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      payment_behavior: 'default_incomplete',
    });
    await world.advance(23 * HOUR - 60);
    expect((await stripe.subscriptions.retrieve(created.id)).status).toBe('incomplete');
    await world.advance(120);
    const ended = await stripe.subscriptions.retrieve(created.id, { expand: ['latest_invoice'] });
    expect(ended).toMatchObject({ status: 'incomplete_expired', latest_invoice: { status: 'void' } });
    expect(receiver.types()).toEqual(expect.arrayContaining(['invoice.voided', 'payment_intent.canceled']));
  });

  test('a declined renewal is past due, tried again after 3, 5 and 7 days, then cancelled', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const subscription = await startPaid(world, 'pm_card_chargeCustomerFail');
    await world.advance(MONTH + HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    const counts = [];
    for (const days of [0, 3, 5, 7]) {
      await world.advance(days * DAY);
      const [invoice] = await invoicesOf(world, subscription);
      counts.push([invoice?.attempt_count, invoice?.next_payment_attempt !== null]);
    }
    expect(counts).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, false],
    ]);
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
      status: 'canceled',
      cancellation_details: { reason: 'payment_failed' },
    });
    expect(receiver.types().filter((type) => type === 'invoice.payment_failed')).toHaveLength(4);
  });

  test('a retry with another card settles the same invoice and the subscription is active again', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const subscription = await startPaid(world, 'pm_card_chargeCustomerFail');
    await world.advance(MONTH + HOUR);
    const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: String(subscription.customer) });
    await stripe.subscriptions.update(subscription.id, { default_payment_method: good.id });
    await world.advance(3 * DAY);
    const [invoice] = await invoicesOf(world, subscription);
    expect(invoice).toMatchObject({ status: 'paid', attempt_count: 2 });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  test('a renewal that needs 3-D Secure waits for the customer', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const subscription = await startPaid(world, 'pm_card_authenticationRequired');
    receiver.received.length = 0;
    await world.advance(MONTH + HOUR);
    const [invoice] = await invoicesOf(world, subscription, ['data.payments']);
    expect(invoice).toMatchObject({ status: 'open' });
    expect(receiver.types()).toEqual(
      expect.arrayContaining(['invoice.payment_action_required', 'payment_intent.requires_action']),
    );
    const intent = invoice?.payments?.data[0]?.payment.payment_intent;
    await world.control('POST', `/payment_intents/${intent}/authenticate`, {});
    expect((await invoicesOf(world, subscription))[0]).toMatchObject({ status: 'paid' });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  test('cancels at the period end, unless that is taken back before', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const first = await startPaid(world);
    const second = await startPaid(world);
    for (const { id } of [first, second]) {
      const updated = await stripe.subscriptions.update(id, { cancel_at_period_end: true });
      expect(updated.cancel_at).toBe(updated.items.data[0]?.current_period_end);
    }
    await stripe.subscriptions.update(second.id, { cancel_at_period_end: false });
    await world.advance(MONTH + HOUR);
    expect((await stripe.subscriptions.retrieve(first.id)).status).toBe('canceled');
    expect(await stripe.subscriptions.retrieve(second.id)).toMatchObject({ status: 'active', cancel_at: null });
    expect(receiver.types().filter((type) => type === 'customer.subscription.deleted')).toHaveLength(1);
    expect(await invoicesOf(world, first)).toHaveLength(1);
  });

  test('cancels at a date, at once, and with its customer', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const [dated, ended, left] = [await startPaid(world), await startPaid(world), await startPaid(world)];
    const { now } = (await world.control('GET', '/clock')) as { now: number };
    const due = await stripe.subscriptions.update(dated.id, { cancel_at: now + 5 * DAY });
    expect(due).toMatchObject({ cancel_at: now + 5 * DAY, cancel_at_period_end: false });
    expect((await stripe.subscriptions.cancel(ended.id)).status).toBe('canceled');
    await stripe.customers.del(String(left.customer));
    expect((await stripe.subscriptions.retrieve(left.id)).status).toBe('canceled');
    await world.advance(5 * DAY);
    expect((await stripe.subscriptions.retrieve(dated.id)).status).toBe('canceled');
    expect(await failureOf(stripe.subscriptions.cancel(ended.id))).toMatchObject({ statusCode: 404 });
    await world.advance(2 * MONTH);
    expect(await invoicesOf(world, dated)).toHaveLength(1);
  });

  test('a trial sets a card up first and charges it when it ends, told three days before', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const { price, customer } = await monthly(world);
    const trial = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      payment_behavior: 'default_incomplete',
      trial_period_days: 14,
      expand: ['pending_setup_intent', 'latest_invoice'],
    });
    expect(trial).toMatchObject({
      status: 'trialing',
      latest_invoice: { status: 'paid', amount_due: 0, total: 0 },
      pending_setup_intent: { status: 'requires_payment_method' },
    });
    const setup = trial.pending_setup_intent as Stripe.SetupIntent;
    const confirmed = await stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' });
    expect(await stripe.subscriptions.retrieve(trial.id)).toMatchObject({
      pending_setup_intent: null,
      default_payment_method: confirmed.payment_method,
    });
    await world.advance(11 * DAY);
    expect(receiver.types()).toContain('customer.subscription.trial_will_end');
    await world.advance(3 * DAY + HOUR);
    expect((await stripe.subscriptions.retrieve(trial.id)).status).toBe('active');
    expect((await invoicesOf(world, trial))[0]).toMatchObject({ status: 'paid', amount_paid: 1_000 });
  });

  test.each([
    ['pause', 'paused'],
    ['cancel', 'canceled'],
    ['create_invoice', 'past_due'],
  ] as const)('a trial that ends without a payment method can %s', async (behaviour, status) => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price, customer } = await monthly(world);
    const trial = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 2,
      trial_settings: { end_behavior: { missing_payment_method: behaviour } },
    });
    await world.advance(2 * DAY + HOUR);
    expect((await stripe.subscriptions.retrieve(trial.id)).status).toBe(status);
  });

  test.each([
    ['pause', 'paused', 'customer.subscription.paused'],
    ['cancel', 'canceled', 'customer.subscription.deleted'],
    ['create_invoice', 'past_due', 'invoice.payment_failed'],
  ] as const)('a trial that is ended now without a payment method can %s', async (behaviour, status, event) => {
    const world = await worlds.start();
    const { stripe, receiver, sandbox } = world;
    const { price, customer } = await monthly(world);
    const trial = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 20,
      trial_settings: { end_behavior: { missing_payment_method: behaviour } },
    });
    const ended = await stripe.subscriptions.update(trial.id, { trial_end: 'now', metadata: { a: 'b' } });
    const { now } = await world.control('GET', '/clock');
    expect(ended).toMatchObject({ status, metadata: { a: 'b' } });
    expect(Number(now) - (ended.trial_end ?? 0)).toBeLessThan(10);
    expect(await stripe.subscriptions.retrieve(trial.id)).toEqual(ended);
    await sandbox.settled();
    expect(receiver.types()).toContain(event);
    // What a pause or a cancellation ends is not billed, now or when the trial would have ended.
    await world.advance(2 * MONTH);
    const paid = (await invoicesOf(world, trial)).map(({ total }) => total);
    expect(paid[0]).toBe(behaviour === 'create_invoice' ? 1_000 : 0);
    if (behaviour === 'create_invoice') return;
    expect(paid).toEqual([0]);
    expect((await stripe.subscriptions.retrieve(trial.id)).status).toBe(status);
  });

  test('a trial that is ended now with a method charges it, whatever it would do without one', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price, customer } = await monthly(world, { method: 'pm_card_visa' });
    const trial = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 20,
      trial_settings: { end_behavior: { missing_payment_method: 'cancel' } },
    });
    expect((await stripe.subscriptions.update(trial.id, { trial_end: 'now' })).status).toBe('active');
    expect((await invoicesOf(world, trial))[0]).toMatchObject({ status: 'paid', amount_paid: 1_000 });
  });

  test('is paused and resumed, and its collection can be paused', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const paused = await startPaid(world);
    expect((await stripe.subscriptions.pause(paused.id)).status).toBe('paused');
    await world.advance(2 * MONTH);
    expect(await invoicesOf(world, paused)).toHaveLength(1);
    expect((await stripe.subscriptions.resume(paused.id)).status).toBe('active');
    expect((await invoicesOf(world, paused))[0]).toMatchObject({ status: 'paid', amount_paid: 1_000 });

    const held = await startPaid(world);
    await stripe.subscriptions.update(held.id, { pause_collection: { behavior: 'void' } });
    await world.advance(MONTH + HOUR);
    expect((await invoicesOf(world, held))[0]).toMatchObject({ status: 'void' });
    expect(await stripe.subscriptions.update(held.id, { pause_collection: '' })).toMatchObject({
      status: 'active',
      pause_collection: null,
    });
  });

  test('swaps its price with or without prorations', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price } = await monthly(world, { amount: 3_000 });
    const [plain, prorated] = [await startPaid(world), await startPaid(world)];
    const item = (subscription: Stripe.Subscription): string => subscription.items.data[0]?.id ?? '';
    await stripe.subscriptions.update(plain.id, {
      items: [{ id: item(plain), price: price.id }],
      proration_behavior: 'none',
    });
    await stripe.subscriptions.update(prorated.id, { items: [{ id: item(prorated), price: price.id }] });
    await world.advance(MONTH + HOUR);
    expect((await invoicesOf(world, plain))[0]).toMatchObject({ total: 3_000, status: 'paid' });
    expect((await invoicesOf(world, prorated))[0]).toMatchObject({ total: 5_000, status: 'paid' });
  });

  test.each([
    ['pm_card_visa', 'active'],
    ['pm_card_chargeCustomerFail', 'incomplete'],
  ])('allow_incomplete with %s is %s', async (method, status) => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price, customer } = await monthly(world, { method });
    const created = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    expect(created.status).toBe(status);
  });

  test('error_if_incomplete makes nothing when the card is declined', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price, customer } = await monthly(world, { method: 'pm_card_chargeCustomerFail' });
    const error = await failureOf(
      stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        payment_behavior: 'error_if_incomplete',
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined' });
    expect((await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data).toEqual([]);
  });

  test('what it can not bill is refused', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { customer, product } = await monthly(world);
    const base = { product: product.id, currency: 'usd', recurring: { interval: 'month' } } as const;
    const tiered = await stripe.prices.create({
      ...base,
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: [{ up_to: 'inf', unit_amount: 5 }],
    });
    const once = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 500 });
    const inactive = await stripe.prices.create({ ...base, unit_amount: 500, active: false });
    const packaged = await stripe.prices.create({
      ...base,
      unit_amount: 500,
      transform_quantity: { divide_by: 10, round: 'up' },
    });
    const create = (price: string) =>
      failureOf(stripe.subscriptions.create({ customer: customer.id, items: [{ price }] }));
    expect((await create(tiered.id)).message).toContain('tiered');
    expect((await create(once.id)).message).toContain('type=one_time');
    expect((await create(inactive.id)).message).toContain('inactive');
    expect((await create(packaged.id)).message).toContain('transform_quantity');
    expect((await create('price_none')).code).toBe('resource_missing');
    expect(await stripe.prices.retrieve(tiered.id, { expand: ['tiers', 'product'] })).toMatchObject({
      billing_scheme: 'tiered',
      unit_amount: null,
      tiers: [{ unit_amount: 5, up_to: null }],
      product: { id: product.id },
    });
  });

  test('a delayed method starts the subscription while it is processing, and its failure makes it past due', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price, customer } = await monthly(world);
    const created = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      payment_behavior: 'default_incomplete',
      payment_settings: { save_default_payment_method: 'on_subscription' },
      expand: ['latest_invoice.payments'],
    });
    await confirmFirst(world, created, 'pm_usBankAccount_insufficientFunds');
    expect((await stripe.subscriptions.retrieve(created.id)).status).toBe('active');
    await world.advance(200);
    expect((await stripe.subscriptions.retrieve(created.id)).status).toBe('past_due');
    expect((await invoicesOf(world, created))[0]).toMatchObject({ status: 'open', attempt_count: 1 });
  });
});
