import { describe, expect, test } from 'vitest';
import { failureOf, useWorlds } from './harness.js';

const worlds = useWorlds();
const usd = { amount: 1_000, currency: 'usd' } as const;

describe('a payment intent', () => {
  test('goes from creation to success with the events that Stripe sends, in their order', async () => {
    const { stripe, sandbox, receiver } = await worlds.start();
    const created = await stripe.paymentIntents.create({ ...usd, metadata: { order: '7' }, description: 'Tea' });
    expect(created.status).toBe('requires_payment_method');
    const confirmed = await stripe.paymentIntents.confirm(created.id, { payment_method: 'pm_card_visa' });
    expect(confirmed).toMatchObject({
      status: 'succeeded',
      amount_received: 1_000,
      metadata: { order: '7' },
      last_payment_error: null,
    });
    await sandbox.settled();
    const listed = await stripe.events.list();
    const inOrder = ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded', 'charge.updated'];
    expect(listed.data.map(({ type }) => type).reverse()).toEqual(inOrder);
    expect(receiver.types().sort()).toEqual([...inOrder].sort());
    const charge = await stripe.charges.retrieve(String(confirmed.latest_charge), {
      expand: ['balance_transaction', 'payment_intent'],
    });
    expect(charge).toMatchObject({
      captured: true,
      paid: true,
      balance_transaction: { fee: 59, net: 941 },
      payment_intent: { id: created.id },
    });
  });

  test('an event carries the object as it was at that moment', async () => {
    const { stripe } = await worlds.start();
    const intent = await stripe.paymentIntents.create({ ...usd, payment_method: 'pm_card_visa', confirm: true });
    const [first] = (await stripe.events.list({ type: 'payment_intent.created' })).data;
    expect(first?.data.object).toMatchObject({ id: intent.id, status: 'requires_confirmation', latest_charge: null });
    expect(first).toMatchObject({
      api_version: '2026-10-28.endive',
      request: { id: expect.stringMatching(/^req_/), idempotency_key: expect.any(String) },
    });
  });

  test.each([
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
    ['pm_card_chargeCustomerFail', 'card_declined', 'generic_decline'],
  ])('%s is declined with 402 and %s, and can be paid with another card', async (card, code, declineCode) => {
    const { stripe, sandbox, receiver } = await worlds.start();
    const intent = await stripe.paymentIntents.create(usd);
    const error = await failureOf(stripe.paymentIntents.confirm(intent.id, { payment_method: card }));
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code,
      decline_code: declineCode,
      doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
    });
    expect(error.payment_intent).toMatchObject({
      id: intent.id,
      status: 'requires_payment_method',
      last_payment_error: { code, charge: error.charge },
    });
    await sandbox.settled();
    expect(receiver.types().sort()).toEqual([
      'charge.failed',
      'payment_intent.created',
      'payment_intent.payment_failed',
    ]);
    expect((await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' })).status).toBe(
      'succeeded',
    );
  });

  test('waits for authentication, which the customer completes or fails', async () => {
    const { stripe, control } = await worlds.start();
    const ask = () =>
      stripe.paymentIntents.create({
        ...usd,
        payment_method: 'pm_card_authenticationRequired',
        confirm: true,
        return_url: 'https://shop.example/done',
      });
    const good = await ask();
    expect(good).toMatchObject({
      status: 'requires_action',
      next_action: { type: 'redirect_to_url', redirect_to_url: { return_url: 'https://shop.example/done' } },
    });
    await control('POST', `/payment_intents/${good.id}/authenticate`, { outcome: 'complete' });
    expect((await stripe.paymentIntents.retrieve(good.id)).status).toBe('succeeded');
    const bad = await ask();
    await control('POST', `/payment_intents/${bad.id}/authenticate`, { outcome: 'fail' });
    expect(await stripe.paymentIntents.retrieve(bad.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    });
  });

  test('the 3-D Secure page sends the customer back to the shop', async () => {
    const { stripe } = await worlds.start();
    const intent = await stripe.paymentIntents.create({
      ...usd,
      payment_method: 'pm_card_threeDSecure2Required',
      confirm: true,
      return_url: 'https://shop.example/done?x=1',
    });
    const url = String(intent.next_action?.redirect_to_url?.url);
    expect(await (await fetch(url)).text()).toContain('Complete authentication');
    const answer = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ outcome: 'complete' }),
      redirect: 'manual',
    });
    const back = new URL(String(answer.headers.get('location')));
    expect(Object.fromEntries(back.searchParams)).toEqual({
      x: '1',
      payment_intent: intent.id,
      payment_intent_client_secret: intent.client_secret,
      redirect_status: 'succeeded',
    });
  });

  test('off session an authentication can not be asked for, unless the card was set up', async () => {
    const { stripe, control } = await worlds.start();
    const customer = await stripe.customers.create({ email: 'ada@example.com' });
    const setup = await stripe.setupIntents.create({
      customer: customer.id,
      payment_method: 'pm_card_authenticationRequiredOnSetup',
      confirm: true,
    });
    expect(setup.status).toBe('requires_action');
    await control('POST', `/setup_intents/${setup.id}/authenticate`, { outcome: 'complete' });
    const saved = String((await stripe.setupIntents.retrieve(setup.id)).payment_method);
    const later = await stripe.paymentIntents.create({
      ...usd,
      customer: customer.id,
      payment_method: saved,
      off_session: true,
      confirm: true,
    });
    expect(later.status).toBe('succeeded');
    const error = await failureOf(
      stripe.paymentIntents.create({
        ...usd,
        payment_method: 'pm_card_authenticationRequired',
        off_session: true,
        confirm: true,
      }),
    );
    expect(error).toMatchObject({ code: 'authentication_required', decline_code: 'authentication_required' });
  });

  test('manual capture holds the money until it is captured, wholly or in part, without a refund', async () => {
    const { stripe, receiver, sandbox } = await worlds.start();
    const intent = await stripe.paymentIntents.create({
      ...usd,
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
    });
    expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 1_000, amount_received: 0 });
    expect(await failureOf(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1_001 }))).toMatchObject({
      code: 'amount_too_large',
    });
    expect(await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 600 })).toMatchObject({
      status: 'succeeded',
      amount_received: 600,
      amount_capturable: 0,
    });
    expect(await stripe.charges.retrieve(String(intent.latest_charge))).toMatchObject({
      amount: 1_000,
      amount_captured: 600,
      amount_refunded: 0,
    });
    expect((await stripe.refunds.list({ payment_intent: intent.id })).data).toEqual([]);
    await sandbox.settled();
    expect(receiver.types()).toContain('payment_intent.amount_capturable_updated');
    expect(receiver.types()).toContain('charge.captured');
  });

  test('is captured by itself and not by its charge, which says why', async () => {
    const { stripe } = await worlds.start();
    const held = await stripe.paymentIntents.create({
      amount: 1_000,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
      confirm: true,
    });
    const charge = String(held.latest_charge);
    expect(await failureOf(stripe.charges.capture(charge, { amount: 400 }))).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining(
        `This uncaptured Charge was created by a PaymentIntent (${held.id}). You must capture the PaymentIntent instead.`,
      ),
    });
    expect((await stripe.paymentIntents.retrieve(held.id)).status).toBe('requires_capture');
    await stripe.paymentIntents.capture(held.id);
    expect((await failureOf(stripe.charges.capture(charge))).code).toBe('charge_already_captured');
    expect((await failureOf(stripe.charges.capture('ch_none'))).code).toBe('resource_missing');
    const other = await stripe.paymentIntents.create({
      amount: 1_000,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
      confirm: true,
    });
    await stripe.paymentIntents.cancel(other.id);
    expect((await failureOf(stripe.charges.capture(String(other.latest_charge)))).code).toBe(
      'charge_expired_for_capture',
    );
  });

  test('an authorisation that nobody captures ends after seven days', async () => {
    const { stripe, advance, receiver } = await worlds.start();
    const intent = await stripe.paymentIntents.create({
      ...usd,
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
    });
    await advance(7 * 24 * 60 * 60 + 1);
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'automatic',
    });
    expect(receiver.types()).toContain('charge.expired');
  });

  test('a bank debit is processing first, and succeeds or fails by the clock', async () => {
    const { stripe, advance } = await worlds.start();
    const good = await stripe.paymentIntents.create({
      ...usd,
      payment_method: 'pm_usBankAccount_success',
      confirm: true,
    });
    const bad = await stripe.paymentIntents.create({
      ...usd,
      payment_method: 'pm_usBankAccount_debitNotAuthorized',
      confirm: true,
    });
    const never = await stripe.paymentIntents.create({
      ...usd,
      payment_method: 'pm_usBankAccount_processing',
      confirm: true,
    });
    const sepa = await stripe.paymentIntents.create({
      amount: 1_000,
      currency: 'eur',
      payment_method: 'pm_success_de',
      confirm: true,
    });
    expect([good, bad, never, sepa].map(({ status }) => status)).toEqual([
      'processing',
      'processing',
      'processing',
      'processing',
    ]);
    await advance(181);
    expect((await stripe.paymentIntents.retrieve(good.id)).status).toBe('succeeded');
    expect((await stripe.paymentIntents.retrieve(sepa.id)).status).toBe('succeeded');
    expect(await stripe.paymentIntents.retrieve(bad.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'debit_not_authorized' },
    });
    expect((await stripe.paymentIntents.retrieve(never.id)).status).toBe('processing');
  });

  test('a move that its status forbids is refused with the intent in the error', async () => {
    const { stripe } = await worlds.start();
    const done = await stripe.paymentIntents.create({ ...usd, payment_method: 'pm_card_visa', confirm: true });
    for (const call of [
      stripe.paymentIntents.confirm(done.id),
      stripe.paymentIntents.cancel(done.id),
      stripe.paymentIntents.capture(done.id),
      stripe.paymentIntents.update(done.id, { amount: 5_000 }),
    ])
      expect(await failureOf(call)).toMatchObject({
        statusCode: 400,
        code: 'payment_intent_unexpected_state',
        payment_intent: { id: done.id },
      });
    const canceled = await stripe.paymentIntents.create(usd);
    expect(await stripe.paymentIntents.cancel(canceled.id, { cancellation_reason: 'duplicate' })).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'duplicate',
    });
    expect(
      await failureOf(stripe.paymentIntents.confirm(canceled.id, { payment_method: 'pm_card_visa' })),
    ).toMatchObject({ code: 'payment_intent_unexpected_state' });
  });

  test.each([
    [{ amount: 49, currency: 'usd' }, 'amount_too_small', 'Amount must be at least $0.50 usd'],
    [{ amount: 49, currency: 'jpy' }, 'amount_too_small', 'Amount must be at least ¥50 jpy'],
    [{ amount: 100_000_000, currency: 'usd' }, 'amount_too_large', 'Amount must be no more than $999,999.99'],
    [{ amount: 1_005, currency: 'kwd' }, 'parameter_invalid_integer', /multiple of 10/],
    [{ amount: 550, currency: 'ugx' }, 'parameter_invalid_integer', /multiple of 100/],
    [{ amount: 1_000, currency: 'xyz' }, undefined, /^Invalid currency: xyz/],
    [{ amount: 0, currency: 'usd' }, 'parameter_invalid_integer', /greater than or equal to 1/],
  ])('%o is refused', async (values, code, message) => {
    const { stripe } = await worlds.start();
    const error = await failureOf(stripe.paymentIntents.create(values));
    expect(error).toMatchObject({ type: 'StripeInvalidRequestError', statusCode: 400, code });
    expect(error.message).toMatch(message);
  });

  test('a payment method that was used without a customer can not be used again', async () => {
    const { stripe } = await worlds.start();
    const first = await stripe.paymentIntents.create({ ...usd, payment_method: 'pm_card_visa', confirm: true });
    const error = await failureOf(
      stripe.paymentIntents.create({ ...usd, payment_method: String(first.payment_method), confirm: true }),
    );
    expect(error.message).toContain('previously used');
  });

  test('setup_future_usage attaches the method to the customer when it succeeds', async () => {
    const { stripe, receiver, sandbox } = await worlds.start();
    const customer = await stripe.customers.create({});
    await stripe.paymentIntents.create({
      ...usd,
      customer: customer.id,
      payment_method: 'pm_card_visa',
      setup_future_usage: 'off_session',
      confirm: true,
    });
    expect((await stripe.paymentMethods.list({ customer: customer.id, type: 'card' })).data).toHaveLength(1);
    await sandbox.settled();
    expect(receiver.types()).toContain('payment_method.attached');
  });

  test('a captured payment made with the dispute card is disputed at once', async () => {
    const { stripe } = await worlds.start();
    const intent = await stripe.paymentIntents.create({
      ...usd,
      payment_method: 'pm_card_createDispute',
      confirm: true,
    });
    expect((await stripe.disputes.list({ payment_intent: intent.id })).data).toMatchObject([
      { status: 'needs_response', reason: 'fraudulent', amount: 1_000 },
    ]);
  });
});
