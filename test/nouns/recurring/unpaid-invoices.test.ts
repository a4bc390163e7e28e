import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, pay, readPayment } from '../../harness/payments.js';
import {
  cancel,
  eventually,
  intentOf,
  readCharges,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CONTINUE = 'mutation ($id: ID!) { continuePayment(input: { id: $id }) { clientSecret } }';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

/** A recurring payment whose later charge was declined: it is PAST_DUE, its invoice open. */
const startPastDue = async (on: Server) => {
  const { id, stripeSubscriptionId } = await startActive(bed, on);
  await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
  await renew(bed);
  const [, open] = await eventually(
    () => readCharges(on, id),
    ([, later]) => later?.status === 'FAILED',
  );
  if (!open) throw new Error('no later charge');
  const { clientSecret } = await ask<{ clientSecret: string }>(on, CONTINUE, { id: open.id });
  return { id, open, intentId: intentOf(clientSecret), subscriptionId: stripeSubscriptionId };
};
const invoicesOf = async (subscriptionId: string) =>
  (await bed.stripe.invoices.list({ subscription: subscriptionId })).data.map(({ status }) => status);

describe('a recurring payment that is ended at once', () => {
  test('leaves nothing payable: its open invoice is voided and its payment CANCELED', async () => {
    const { id, open, intentId, subscriptionId } = await startPastDue(server);
    await cancel(server, { recurringPaymentId: id });
    expect(await invoicesOf(subscriptionId)).toEqual(['void', 'paid']);
    expect(await readPayment(server, open.id)).toMatchObject({ status: 'CANCELED' });
    await expect(ask(server, CONTINUE, { id: open.id })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    await expect(bed.stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_card_visa' })).rejects.toThrow();
    expect(await pay(server, open.orderId)).toMatchObject({ payment: { status: 'PENDING' } });
  });

  test.each([
    ['is refused now', { kind: 'status', status: 500, times: 6 }],
    ['is done but its answer lost', { kind: 'disconnect-after-apply', times: 3 }],
  ])('where the voiding %s a job ends it, and the end itself is told', async (_, fault) => {
    const { id, open, subscriptionId } = await startPastDue(server);
    await addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/invoices/*' }, ...fault });
    expect(await cancel(server, { recurringPaymentId: id })).toMatchObject({ status: 'CANCELED' });
    await clearFaults(bed.sandbox);
    await bed.sql.query('update tollgate.payment set withdraw_at = now() where withdraw_at is not null');
    await eventually(
      () => readPayment(server, open.id),
      ({ status }) => status === 'CANCELED',
    );
    expect(await invoicesOf(subscriptionId)).toEqual(['void', 'paid']);
  });

  test('money that comes first is recorded, and nothing is lost', async () => {
    const { id, open, intentId, subscriptionId } = await startPastDue(server);
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 50 });
    await bed.stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_card_visa' });
    await clearFaults(bed.sandbox);
    await cancel(server, { recurringPaymentId: id });
    expect(await invoicesOf(subscriptionId)).toEqual(['paid', 'paid']);
    expect(await readPayment(server, open.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    expect(await bed.orderStatus(open.orderId)).toBe('paid');
  });

  test('TOLLGATE_KEEP_UNPAID_INVOICES leaves what is unpaid payable', async () => {
    const keeping = await bed.start({ environment: { TOLLGATE_KEEP_UNPAID_INVOICES: 'true' } });
    const { id, open, subscriptionId } = await startPastDue(keeping);
    await cancel(keeping, { recurringPaymentId: id });
    expect(await invoicesOf(subscriptionId)).toEqual(['open', 'paid']);
    expect(await ask(keeping, CONTINUE, { id: open.id })).toMatchObject({ clientSecret: expect.any(String) });
    await keeping.stop();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  });
});
