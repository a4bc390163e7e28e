import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customerOf, keepMethod, readMethods, removeMethod, saveMethod, setDefault } from '../../harness/methods.js';
import { pay, readPayment } from '../../harness/payments.js';
import { eventually, readCharges, readRecurring, renew, setLaterMethod, startActive } from '../../harness/recurring.js';
import { startServerProcess } from '../../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CRASHING = fileURLToPath(new URL('../../harness/crashing-server.ts', import.meta.url));

let bed: TestBed;
let survivor: Server;
beforeAll(async () => {
  bed = await openTestBed();
  survivor = await bed.start();
});
afterAll(() => bed.close());

/** A server that dies where it is told does the work, and is gone. */
const dieAt = async (point: string, work: (victim: Server) => Promise<unknown>): Promise<void> => {
  const victim = await startServerProcess({ ...bed.environment, TOLLGATE_CRASH_AT: point }, CRASHING);
  await expect(work(bed.attach(victim.url ?? '', async () => undefined))).rejects.toThrow();
  expect(await victim.ended).toBeNull();
};
const BOTH = ['request', 'answer'] as const;

describe('a server that dies, and another that is asked again', { timeout: 180_000 }, () => {
  test.each([
    'commit setup_insert',
    ...BOTH.map((when) => `${when} POST /v1/customers`),
    ...BOTH.map((when) => `${when} POST /v1/setup_intents`),
  ])('while a method is saved (%s): one customer, one setup, one method', async (point) => {
    const as = { account: `saver ${point}` };
    const input = { idempotencyKey: point };
    await dieAt(point, (victim) => saveMethod(victim, input, as));
    const { clientSecret } = await saveMethod(survivor, input, as);
    expect(await saveMethod(survivor, {}, as)).toMatchObject({ clientSecret });
    const customers = (await bed.stripe.customers.list({ limit: 100 })).data;
    expect(customers.filter(({ metadata }) => metadata['tollgate_account'] === as.account)).toHaveLength(1);
    const customer = (await customerOf(bed, as.account))?.id ?? '';
    expect((await bed.stripe.setupIntents.list({ customer })).data).toHaveLength(1);
    await keepMethod(bed, survivor, as);
    expect(await readMethods(survivor, as)).toHaveLength(1);
  });

  test.each(BOTH)('while one becomes the default (%s): it is, once', async (when) => {
    const as = { account: `default ${when}` };
    const id = await keepMethod(bed, survivor, as);
    const customer = (await customerOf(bed, as.account))?.id ?? '';
    await dieAt(`${when} POST /v1/customers/${customer}`, (victim) => setDefault(victim, { id }, as));
    expect(await readMethods(survivor, as)).toMatchObject([{ id, isDefault: when === 'answer' }]);
    expect(await setDefault(survivor, { id }, as)).toMatchObject([{ id, isDefault: true }]);
  });

  test.each(BOTH)('while one is removed (%s): it goes, and is said to be gone after', async (when) => {
    const as = { account: `remover ${when}` };
    const id = await keepMethod(bed, survivor, as);
    await dieAt(`${when} POST /v1/payment_methods/${id}/detach`, (victim) => removeMethod(victim, id, as));
    const again = removeMethod(survivor, id, as);
    if (when === 'request') expect(await again).toEqual([]);
    else await expect(again).rejects.toMatchObject({ code: 'PAYMENT_METHOD_NOT_FOUND' });
    expect(await readMethods(survivor, as)).toEqual([]);
  });

  test.each([
    'commit payment_insert',
    ...BOTH.map((when) => `${when} POST /v1/payment_intents`),
    ...BOTH.map((when) => `${when} POST /v1/payment_intents/*/confirm`),
  ])('while one pays (%s): its order is charged once', async (point) => {
    const as = { account: `payer ${point}` };
    const paymentMethodId = await keepMethod(bed, survivor, as);
    const orderId = await bed.createOrder(as);
    const input = { paymentMethodId, idempotencyKey: point };
    await dieAt(point, (victim) => pay(victim, orderId, input, as));
    const { payment } = await pay(survivor, orderId, input, as);
    expect(await readPayment(survivor, payment.id, as)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    const customer = (await customerOf(bed, as.account))?.id ?? '';
    expect((await bed.stripe.charges.list({ customer })).data.map(({ paid }) => paid)).toEqual([true]);
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test.each([
    ...BOTH.map((when) => `${when} POST /v1/subscriptions/*`),
    ...BOTH.map((when) => `${when} POST /v1/invoices/*/pay`),
  ])('while a failed renewal is put right (%s): it is charged once', async (point) => {
    const { id, stripeSubscriptionId } = await startActive(bed, survivor);
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    await renew(bed);
    await eventually(
      () => readRecurring(survivor, id),
      ({ status }) => status === 'PAST_DUE',
    );
    const method = await keepMethod(bed, survivor, { account: 'customer' });
    const input = { id: method, recurringPaymentId: id };
    await dieAt(point, (victim) => setDefault(victim, input));
    await setDefault(survivor, input);
    expect(await readRecurring(survivor, id)).toMatchObject({ status: 'ACTIVE' });
    const charges = await readCharges(survivor, id);
    expect(charges.map(({ status }) => status)).toEqual(['SUCCESSFUL', 'SUCCESSFUL']);
    const paid = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId, limit: 10 })).data;
    expect(paid.map(({ status }) => status)).toEqual(['paid', 'paid']);
  });
});
