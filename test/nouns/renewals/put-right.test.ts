import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../cli/command.js';
import { keepMethod, OPERATOR, readMethods, setDefault } from '../../harness/methods.js';
import { ask } from '../../harness/payments.js';
import {
  type Charge,
  eventually,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { addFault, authenticate, clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let other: Server;
beforeAll(async () => {
  bed = await openTestBed();
  other = await bed.start();
  server = await bed.start();
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const AS = { account: 'customer' };
const keep = (method?: string) => keepMethod(bed, server, { ...AS, ...(method && { method }) });
const statusOf = (id: string, wanted: string) =>
  eventually(
    () => readRecurring(server, id),
    ({ status }) => status === wanted,
  );
const lastCharge = async (id: string, status: string): Promise<Charge> => {
  const charges = await eventually(
    () => readCharges(server, id),
    (rows) => rows.length > 1 && rows.at(-1)?.status === status,
  );
  const last = charges.at(-1);
  if (!last) throw new Error('no charge');
  return last;
};
const triesOf = async ({ stripePaymentIntentId: id }: Charge) =>
  (await bed.stripe.charges.list({ payment_intent: id ?? '', limit: 100 })).data.map(({ status }) => status);

/** The half minute is over in which a try stands for all that are asked for. */
const letTryAgain = ({ id }: Charge) =>
  bed.sql.query(`update tollgate.payment set attempted_at = now() - interval '31 seconds' where id = $1`, [id]);

/** A recurring payment whose renewal was declined. */
const startFailed = async (method = 'pm_card_chargeCustomerFail') => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  await setLaterMethod(bed, stripeSubscriptionId, method);
  await renew(bed);
  const failed = await lastCharge(id, 'FAILED');
  await statusOf(id, 'PAST_DUE');
  return { id, stripeSubscriptionId, failed };
};

describe('a renewal that failed', () => {
  test('says why, on its payment and in the timeline of the recurring payment', async () => {
    const { id, failed } = await startFailed();
    expect(
      await ask(server, 'query ($id: ID!) { payment(id: $id) { failureCode failureMessage } }', { id: failed.id }),
    ).toEqual({ failureCode: 'generic_decline', failureMessage: 'Your card was declined.' });
    const { timeline } = await ask<{ timeline: { note: string | null }[] }>(
      server,
      'query ($id: ID!) { recurringPayment(id: $id) { timeline { note } } }',
      { id },
      OPERATOR,
    );
    expect(timeline.map(({ note }) => note).join('\n')).toMatch(
      new RegExp(
        `Its payment ${failed.id} is FAILED \\(generic_decline: Your card was declined\\.\\), version \\d+\\.`,
      ),
    );
  });

  test('is paid at once, once, with the method that is set for it, whoever asks at once', async () => {
    const { id, failed } = await startFailed();
    const good = await keep();
    const before = await triesOf(failed);
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        setDefault(at % 2 ? server : other, { id: good, recurringPaymentId: id }, AS),
      ),
    );
    expect(await lastCharge(id, 'SUCCESSFUL')).toMatchObject({ id: failed.id, orderId: failed.orderId });
    expect(await triesOf(failed)).toEqual(['succeeded', ...before]);
    await statusOf(id, 'ACTIVE');
    expect(await bed.orderStatus(failed.orderId)).toBe('paid');
    // Its later charges go to it too.
    await renew(bed);
    expect(await lastCharge(id, 'SUCCESSFUL')).not.toMatchObject({ id: failed.id });
  });

  test.each([
    ['the answer is lost', { kind: 'disconnect-after-apply', times: 3 }],
    ['Stripe did it and answers 500', { kind: 'status', status: 500, applied: true, saved: true, times: 3 }],
  ])('is paid once although %s', async (_, fault) => {
    const { id, stripeSubscriptionId, failed } = await startFailed();
    const good = await keep();
    const { latest_invoice: invoice } = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    await addFault(bed.sandbox, { ...fault, match: { method: 'POST', path: `/v1/invoices/${invoice}/pay` } });
    await setDefault(server, { id: good, recurringPaymentId: id }, AS);
    await clearFaults(bed.sandbox);
    await setDefault(server, { id: good, recurringPaymentId: id }, AS);
    await lastCharge(id, 'SUCCESSFUL');
    expect((await triesOf(failed)).filter((status) => status === 'succeeded')).toHaveLength(1);
  });

  test('with another method that is declined says so, tried once by twenty at once; the next one pays it', async () => {
    const { id, failed } = await startFailed();
    const bad = await keep('pm_card_chargeCustomerFail');
    const before = await triesOf(failed);
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        setDefault(at % 2 ? server : other, { id: bad, recurringPaymentId: id }, AS),
      ),
    );
    expect(all.map((one) => one.status === 'rejected' && (one.reason as { code: string }).code)).toEqual(
      Array(20).fill('STRIPE_DECLINED'),
    );
    expect(await triesOf(failed)).toHaveLength(before.length + 1);
    await letTryAgain(failed);
    const { errors } = await server.request(
      'mutation ($input: SetDefaultPaymentMethodInput!) { setDefaultPaymentMethod(input: $input) { paymentMethods { id } } }',
      { input: { id: bad, recurringPaymentId: id } },
      AS,
    );
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'STRIPE_DECLINED',
      declineCode: 'generic_decline',
      paymentId: failed.id,
    });
    expect(await triesOf(failed)).toHaveLength(before.length + 2);
    await setDefault(server, { id: await keep(), recurringPaymentId: id }, AS);
    await lastCharge(id, 'SUCCESSFUL');
  });

  test('is charged again by an operator, once by twenty at once, and once per key', async () => {
    const { id, stripeSubscriptionId, failed } = await startFailed();
    const retry = (input: object, on = server, as: As = OPERATOR) =>
      ask<{ payment: { id: string; status: string } }>(
        on,
        'mutation ($input: RetryRenewalInput!) { retryRenewal(input: $input) { payment { id status } } }',
        { input: { paymentId: failed.id, ...input } },
        as,
      );
    await expect(retry({}, server, AS)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const before = await triesOf(failed);
    const keyed = { reason: 'they say there is money now', idempotencyKey: 'again-1' };
    const declined = { code: 'STRIPE_DECLINED' };
    await expect(retry(keyed)).rejects.toMatchObject(declined);
    expect(await triesOf(failed)).toHaveLength(before.length + 1);
    await letTryAgain(failed);
    // The key was answered: it charges nothing more, however late.
    expect((await retry(keyed)).payment).toEqual({ id: failed.id, status: 'FAILED' });
    expect(await triesOf(failed)).toHaveLength(before.length + 1);
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_visa');
    await Promise.all(Array.from({ length: 20 }, (_, at) => retry({}, at % 2 ? server : other).catch(() => undefined)));
    expect(await lastCharge(id, 'SUCCESSFUL')).toMatchObject({ id: failed.id });
    expect((await triesOf(failed)).filter((status) => status === 'succeeded')).toHaveLength(1);
    await statusOf(id, 'ACTIVE');
    await expect(retry({})).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const { rows } = await bed.sql.query<{ detail: object; actor: string }>(
      `select actor, detail from tollgate.audit where action = 'RENEWAL_RETRIED' order by id limit 1`,
    );
    expect(rows).toEqual([
      {
        actor: 'account:boss',
        detail: { paymentId: failed.id, recurringPaymentId: id, reason: 'they say there is money now' },
      },
    ]);
  });

  test('is charged once although the answer is lost, and the same key finds it out', async () => {
    const { id, stripeSubscriptionId, failed } = await startFailed();
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_visa');
    const { latest_invoice: invoice } = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 3,
      match: { method: 'POST', path: `/v1/invoices/${invoice}/pay` },
    });
    const retried = await runCommand(['renewal', 'retry', failed.id, '--reason', 'a test', '--json'], bed.environment);
    expect(JSON.parse(retried.stdout)).toMatchObject({ id: failed.id, status: 'SUCCESSFUL' });
    await lastCharge(id, 'SUCCESSFUL');
    expect((await triesOf(failed)).filter((status) => status === 'succeeded')).toHaveLength(1);
  });

  test('whose method asks for its customer waits for them: continuePayment', async () => {
    const { id, failed } = await startFailed();
    const asking = await keep('pm_card_authenticationRequired');
    expect(await setDefault(server, { id: asking, recurringPaymentId: id }, AS)).not.toEqual([]);
    await lastCharge(id, 'REQUIRES_ACTION');
    const { clientSecret } = await ask<{ clientSecret: string }>(
      server,
      'mutation ($id: ID!) { continuePayment(input: { id: $id }) { clientSecret } }',
      { id: failed.id },
      AS,
    );
    expect(clientSecret).toContain(failed.stripePaymentIntentId);
    await authenticate(bed.sandbox, failed.stripePaymentIntentId ?? '', 'complete');
    await lastCharge(id, 'SUCCESSFUL');
    await statusOf(id, 'ACTIVE');
  });

  test('goes on with continuePayment, with the same card or another', async () => {
    const { id, failed } = await startFailed();
    const { clientSecret } = await ask<{ clientSecret: string }>(
      server,
      'mutation ($id: ID!) { continuePayment(input: { id: $id }) { clientSecret } }',
      { id: failed.id },
      AS,
    );
    expect(clientSecret).toContain(failed.stripePaymentIntentId);
    await bed.stripe.paymentIntents.confirm(failed.stripePaymentIntentId ?? '', { payment_method: 'pm_card_visa' });
    await lastCharge(id, 'SUCCESSFUL');
    await statusOf(id, 'ACTIVE');
  });

  test('of a card that has expired says so, and a new card puts it right', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const { customer } = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    const { now } = (await (await fetch(`${bed.sandbox.url}/_sandbox/clock`)).json()) as { now: number };
    const today = new Date(now * 1_000);
    const card = await bed.stripe.paymentMethods.create({
      type: 'card',
      card: {
        number: '4242424242424242',
        exp_month: today.getUTCMonth() + 1,
        exp_year: today.getUTCFullYear(),
        cvc: '123',
      },
    });
    await bed.stripe.paymentMethods.attach(card.id, { customer: String(customer) });
    await bed.stripe.subscriptions.update(stripeSubscriptionId, { default_payment_method: card.id });
    await renew(bed);
    const failed = await lastCharge(id, 'FAILED');
    expect(await ask(server, 'query ($id: ID!) { payment(id: $id) { failureCode } }', { id: failed.id })).toEqual({
      failureCode: 'expired_card',
    });
    await setDefault(server, { id: await keep(), recurringPaymentId: id }, AS);
    await lastCharge(id, 'SUCCESSFUL');
  });

  test('that Stripe gave up on, its recurring payment UNPAID, is paid all the same', async () => {
    const setting = (afterRetries: string) =>
      fetch(`${bed.sandbox.url}/_sandbox/billing`, { method: 'POST', body: JSON.stringify({ afterRetries }) });
    await setting('unpaid');
    try {
      const { id, failed } = await startFailed();
      await renew(bed, 16 * 86_400);
      await statusOf(id, 'UNPAID');
      await setDefault(server, { id: await keep(), recurringPaymentId: id }, AS);
      await statusOf(id, 'ACTIVE');
      expect(await bed.orderStatus(failed.orderId)).toBe('paid');
    } finally {
      await setting('cancel');
    }
  });

  test('whose subscription answers late about the method is paid once all the same', async () => {
    const { id, stripeSubscriptionId, failed } = await startFailed();
    const match = { method: 'POST', path: `/v1/subscriptions/${stripeSubscriptionId}` };
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match });
    await setDefault(server, { id: await keep(), recurringPaymentId: id }, AS);
    await clearFaults(bed.sandbox);
    await lastCharge(id, 'SUCCESSFUL');
    expect((await triesOf(failed)).filter((status) => status === 'succeeded')).toHaveLength(1);
  });

  test('where nothing failed, a method that is set charges nothing', async () => {
    const { id } = await startActive(bed, server);
    const good = await keep();
    await setDefault(server, { id: good, recurringPaymentId: id }, AS);
    expect(await readCharges(server, id)).toHaveLength(1);
    expect((await readMethods(server, AS)).map((method) => method.id)).toContain(good);
  });
});
