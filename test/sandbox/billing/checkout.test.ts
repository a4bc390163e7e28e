import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { failureOf, useWorlds, type World } from '../harness.js';
import { DAY, HOUR, monthly } from './journey.js';

const worlds = useWorlds();

const urls = { success_url: 'https://shop.test/done?s={CHECKOUT_SESSION_ID}', cancel_url: 'https://shop.test/cart' };
const tea = {
  line_items: [
    { quantity: 2, price_data: { currency: 'usd', unit_amount: 500, product_data: { name: 'Tea & <cake>' } } },
  ],
} satisfies Partial<Stripe.Checkout.SessionCreateParams>;

const pay = async ({ stripe }: World, extra: Partial<Stripe.Checkout.SessionCreateParams> = {}) =>
  await stripe.checkout.sessions.create({
    mode: 'payment',
    ...urls,
    ...tea,
    metadata: { order: '7' },
    payment_intent_data: { metadata: { order: '7' } },
    ...extra,
  });

const complete = async ({ control }: World, { id }: Stripe.Checkout.Session, values: object) =>
  await control('POST', `/checkout/sessions/${id}/complete`, { email: 'ada@example.com', ...values });

const submit = async (
  url: string | null,
  form: Record<string, string>,
): Promise<{ status: number; location: string | null; html: string }> => {
  const response = await fetch(String(url), { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
  return { status: response.status, location: response.headers.get('location'), html: await response.text() };
};

describe('a session that takes a payment', () => {
  test('makes its payment intent when the customer confirms, with the metadata meant for it', async () => {
    const world = await worlds.start();
    const { stripe, receiver, sandbox } = world;
    const session = await pay(world);
    expect(session).toMatchObject({
      status: 'open',
      payment_intent: null,
      payment_status: 'unpaid',
      amount_total: 1_000,
    });
    expect((await stripe.paymentIntents.list()).data).toEqual([]);
    await complete(world, session, { payment_method: 'pm_card_visa' });
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent', 'line_items'] });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      metadata: { order: '7' },
      customer_details: { email: 'ada@example.com' },
      payment_intent: { status: 'succeeded', amount_received: 1_000, metadata: { order: '7' } },
      line_items: { data: [{ quantity: 2, amount_total: 1_000, description: 'Tea & <cake>' }] },
    });
    await sandbox.settled();
    expect(receiver.types()).toEqual(
      expect.arrayContaining(['payment_intent.succeeded', 'checkout.session.completed']),
    );
  });

  test('stays open after a decline, and another card pays the same intent', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const session = await pay(world);
    const refused = await complete(world, session, { payment_method: 'pm_card_visa_chargeDeclined' });
    expect(refused['error']).toMatchObject({ code: 'card_declined' });
    const open = await stripe.checkout.sessions.retrieve(session.id);
    expect(open.status).toBe('open');
    await complete(world, session, { payment_method: 'pm_card_visa' });
    const done = await stripe.checkout.sessions.retrieve(session.id);
    expect([done.status, done.payment_intent]).toEqual(['complete', open.payment_intent]);
  });

  test('is complete and unpaid while a delayed method is under way, then told of its end', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const [good, bad] = [await pay(world), await pay(world)];
    await complete(world, good, { payment_method: 'pm_usBankAccount_success' });
    await complete(world, bad, { payment_method: 'pm_usBankAccount_insufficientFunds' });
    const unpaid = { status: 'complete', payment_status: 'unpaid' };
    expect(await stripe.checkout.sessions.retrieve(good.id)).toMatchObject(unpaid);
    await world.advance(181);
    expect(await stripe.checkout.sessions.retrieve(good.id)).toMatchObject({ payment_status: 'paid' });
    expect(await stripe.checkout.sessions.retrieve(bad.id)).toMatchObject(unpaid);
    const told = receiver.types().filter((type) => type.startsWith('checkout.'));
    expect(told.sort()).toEqual([
      'checkout.session.async_payment_failed',
      'checkout.session.async_payment_succeeded',
      'checkout.session.completed',
      'checkout.session.completed',
    ]);
  });

  test('expires after 24 hours or when asked to, and can then not be paid', async () => {
    const world = await worlds.start();
    const { stripe, receiver } = world;
    const [first, second] = [await pay(world), await pay(world)];
    expect(await stripe.checkout.sessions.expire(first.id)).toMatchObject({ status: 'expired', url: null });
    await world.advance(DAY);
    expect((await stripe.checkout.sessions.retrieve(second.id)).status).toBe('expired');
    expect(receiver.types().filter((type) => type === 'checkout.session.expired')).toHaveLength(2);
    expect((await complete(world, second, { payment_method: 'pm_card_visa' }))['error']).toBeDefined();
    expect((await failureOf(stripe.checkout.sessions.expire(first.id))).statusCode).toBe(400);
  });

  test('is refused when it makes no sense', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price } = await monthly(world);
    expect((await failureOf(pay(world, { line_items: [{ price: price.id, quantity: 1 }] }))).message).toContain(
      'recurring',
    );
    expect(await failureOf(pay(world, { success_url: 'javascript:alert(1)' }))).toMatchObject({ code: 'url_invalid' });
    expect((await failureOf(pay(world, { expires_at: 1 }))).param).toBe('expires_at');
    expect(
      await failureOf(
        pay(world, {
          line_items: [
            { quantity: 1, price_data: { currency: 'usd', unit_amount: 10, product_data: { name: 'Crumb' } } },
          ],
        }),
      ),
    ).toMatchObject({ code: 'amount_too_small' });
    expect((await failureOf(stripe.checkout.sessions.create({ mode: 'payment', ...tea }))).param).toBe('success_url');
  });
});

describe('a session that starts a subscription', () => {
  test('makes customer and subscription with its metadata, and keeps the card for renewals', async () => {
    const world = await worlds.start();
    const { stripe, receiver, sandbox } = world;
    const { price } = await monthly(world);
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      ...urls,
      line_items: [{ price: price.id, quantity: 1 }],
      metadata: { order: '7' },
      subscription_data: { metadata: { order: '7' } },
    });
    await complete(world, session, { payment_method: 'pm_card_visa' });
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'invoice'] });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      payment_intent: null,
      customer: expect.stringMatching(/^cus_/),
      invoice: { status: 'paid' },
      subscription: { status: 'active', metadata: { order: '7' }, default_payment_method: expect.any(String) },
    });
    await sandbox.settled();
    expect(receiver.types()).toEqual(
      expect.arrayContaining(['customer.subscription.created', 'invoice.paid', 'checkout.session.completed']),
    );
    expect(
      (await stripe.checkout.sessions.list({ subscription: (done.subscription as Stripe.Subscription).id })).data,
    ).toHaveLength(1);
  });

  test('with a trial and an inline price sets the card up, asking for 3-D Secure where it must', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      ...urls,
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: 'usd',
            unit_amount: 900,
            product_data: { name: 'Tea' },
            recurring: { interval: 'month' },
          },
        },
      ],
      subscription_data: { trial_period_days: 7 },
    });
    const waiting = await complete(world, session, { payment_method: 'pm_card_authenticationRequiredOnSetup' });
    expect(waiting).toMatchObject({ session: { status: 'open' }, next_action: { type: 'redirect_to_url' } });
    const [setup] = (await stripe.setupIntents.list()).data;
    await world.control('POST', `/setup_intents/${setup?.id}/authenticate`, {});
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'no_payment_required',
      subscription: { status: 'trialing', pending_setup_intent: null },
    });
    await world.advance(7 * DAY + HOUR);
    const [invoice] = (await stripe.invoices.list({ customer: String(done.customer) })).data;
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 900 });
  });

  test('that expires takes its unpaid beginning back', async () => {
    const world = await worlds.start();
    const { stripe } = world;
    const { price } = await monthly(world);
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      ...urls,
      line_items: [{ price: price.id, quantity: 1 }],
    });
    await complete(world, session, { payment_method: 'pm_card_visa_chargeDeclined' });
    await stripe.checkout.sessions.expire(session.id);
    const [begun] = (await stripe.subscriptions.list({ status: 'all' })).data;
    expect(begun?.status).toBe('incomplete_expired');
  });
});

test('a session can save a card', async () => {
  const world = await worlds.start();
  const { stripe } = world;
  const { customer } = await monthly(world);
  const session = await stripe.checkout.sessions.create({
    mode: 'setup',
    customer: customer.id,
    currency: 'usd',
    ...urls,
    setup_intent_data: { metadata: { for: 'later' } },
  });
  await complete(world, session, { payment_method: 'pm_card_visa' });
  expect(await stripe.checkout.sessions.retrieve(session.id, { expand: ['setup_intent'] })).toMatchObject({
    status: 'complete',
    payment_status: 'no_payment_required',
    setup_intent: { status: 'succeeded', metadata: { for: 'later' }, customer: customer.id },
  });
  expect((await stripe.customers.listPaymentMethods(customer.id)).data).toHaveLength(1);
});

test('the items of a session are paged, and what of them is left out says so', async () => {
  const world = await worlds.start();
  const { stripe } = world;
  const item = (name: string, recurring = false) => ({
    quantity: 1,
    price_data: {
      currency: 'usd',
      unit_amount: 500,
      product_data: { name },
      ...(recurring ? { recurring: { interval: 'month' as const } } : {}),
    },
  });
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    ...urls,
    line_items: ['Tea', 'Cake', 'Jam'].map((name) => item(name)),
  });
  const names = async (params: Stripe.PaginationParams) =>
    (await stripe.checkout.sessions.listLineItems(session.id, params)).data.map(({ description }) => description);
  const [tea, cake, jam] = (await stripe.checkout.sessions.listLineItems(session.id)).data;
  expect(await names({ starting_after: tea?.id ?? '' })).toEqual(['Cake', 'Jam']);
  expect(await names({ ending_before: jam?.id ?? '', limit: 1 })).toEqual(['Cake']);
  expect(await names({ starting_after: cake?.id ?? '' })).toEqual(['Jam']);
  expect((await failureOf(names({ starting_after: 'li_none' }))).code).toBe('resource_missing');
  const mixed = stripe.checkout.sessions.create({
    mode: 'subscription',
    ...urls,
    line_items: [item('Tea', true), item('Teapot')],
  });
  expect(await failureOf(mixed)).toMatchObject({ statusCode: 400, code: 'sandbox_left_out', param: 'line_items' });
  const changed = stripe.checkout.sessions.update(session.id, { line_items: [{ id: tea?.id ?? '', quantity: 2 }] });
  expect(await failureOf(changed)).toMatchObject({ statusCode: 400, code: 'sandbox_left_out', param: 'line_items' });
});

describe('the page of a session', () => {
  const card = { number: '4242 4242 4242 4242', expiry: '12/34', cvc: '123', email: 'ada@example.com', name: 'Ada' };

  test('shows what is bought, labels each field, escapes, and leads back after a payment', async () => {
    const world = await worlds.start();
    const session = await pay(world);
    const html = await (await fetch(String(session.url))).text();
    expect(html).toContain('Tea &amp; &lt;cake&gt;');
    expect(html).toContain('$10.00');
    expect(html).toContain('https://shop.test/cart');
    expect(html).not.toMatch(/<script|src=|@import|url\(/);
    for (const [, id] of html.matchAll(/<input id="(\w+)"/g)) expect(html).toContain(`<label for="${id}">`);
    const paid = await submit(session.url, card);
    expect([paid.status, paid.location]).toEqual([303, `https://shop.test/done?s=${session.id}`]);
    expect((await submit(session.url, card)).location).toBe(paid.location);
    expect((await world.stripe.paymentIntents.list()).data).toHaveLength(1);
  });

  test('says why a card was refused and keeps what was typed', async () => {
    const world = await worlds.start();
    const session = await pay(world);
    const declined = await submit(session.url, { ...card, number: '4000000000009995' });
    expect(declined.html).toContain('role="alert"');
    expect(declined.html).toContain('insufficient funds');
    expect(declined.html).toContain('value="Ada"');
    expect((await submit(session.url, { ...card, number: '1234' })).html).toContain('Your card number is incorrect.');
    expect((await submit(session.url, { ...card, expiry: '13/99' })).html).toContain('expiration month is invalid');
  });

  test("hands over to the bank's page and comes back by it", async () => {
    const world = await worlds.start();
    const session = await pay(world);
    const handed = await submit(session.url, { payment_method: 'pm_card_authenticationRequired' });
    expect(handed.location).toMatch(/\/_sandbox\/3ds\/pi_/);
    const back = await submit(handed.location, { outcome: 'complete' });
    expect(back.location).toMatch(new RegExp(`^${session.url?.replaceAll(/[/.]/g, '\\$&')}`));
    const page = await fetch(String(back.location), { redirect: 'manual' });
    expect(page.headers.get('location')).toBe(`https://shop.test/done?s=${session.id}`);
  });
});
