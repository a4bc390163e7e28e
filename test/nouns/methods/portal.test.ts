import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIRECTS, SHOP } from '../../harness/checkout.js';
import { customerOf, readMethods } from '../../harness/methods.js';
import { ask } from '../../harness/payments.js';
import {
  eventually,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
  watchUntil,
} from '../../harness/recurring.js';
import { addFault } from '../../harness/sandbox-control.js';
import { openStripeProxy } from '../../harness/stripe-proxy.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: REDIRECTS });
});
afterAll(() => bed.close());

const AS: As = { account: 'customer' };
const open = async (input: object = {}, as: As = AS, on = server): Promise<string> =>
  (
    await ask<{ url: string }>(
      on,
      'mutation ($input: OpenCustomerPortalInput!) { openCustomerPortal(input: $input) { url } }',
      { input: { returnUrl: `${SHOP}/account`, ...input } },
      as,
    )
  ).url;
const read = async (url: string) => (await fetch(url)).text();
/** What a person does on the page; gives where it leads to. */
const submit = async (url: string, form: Record<string, string>): Promise<string | null> => {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form).toString(), redirect: 'manual' });
  if (response.status !== 303) throw new Error(await response.text());
  return response.headers.get('location');
};

describe('the portal', () => {
  test('is the caller’s own, and leads back where it may', async () => {
    const url = await open();
    const page = await read(url);
    expect(page).toContain(`href="${SHOP}/account"`);
    expect(page).toContain('You have no subscription.');
    expect(await read(await open({ flow: 'PAYMENT_METHOD_UPDATE' }))).toContain('Update your payment method');
    const customer = await customerOf(bed, 'customer');
    const { data } = await bed.stripe.events.list({ type: 'billing_portal.session.created' });
    expect(new Set(data.map(({ data: { object } }) => (object as { customer: string }).customer))).toEqual(
      new Set([customer?.id]),
    );
    await expect(open({ returnUrl: 'https://evil.example/' })).rejects.toMatchObject({ code: 'REDIRECT_NOT_ALLOWED' });
    await expect(open({ returnUrl: 'javascript:alert(1)' })).rejects.toMatchObject({ code: 'REDIRECT_NOT_ALLOWED' });
    await expect(open({}, { account: null })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('a cancel and a resume there arrive by events and show live', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const url = await open();
    expect(await read(url)).toContain('Cancel subscription');
    const canceled = watchUntil(server, id, ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd);
    await submit(url, { action: 'cancel', id: stripeSubscriptionId });
    await canceled;
    const resumed = watchUntil(server, id, ({ cancelAtPeriodEnd, version }) => !cancelAtPeriodEnd && version > 3);
    await submit(url, { action: 'resume', id: stripeSubscriptionId });
    await resumed;
    expect(await readRecurring(server, id)).toMatchObject({ status: 'ACTIVE', cancelAtPeriodEnd: false });
  });

  test('a new card there, whose bank is asked, is saved, and a failed renewal is paid with it, which shows live', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    await renew(bed);
    await eventually(
      () => readRecurring(server, id),
      ({ status }) => status === 'PAST_DUE',
    );
    const url = await open({ flow: 'PAYMENT_METHOD_UPDATE' });
    const bank = await submit(url, { action: 'card', payment_method: 'pm_card_authenticationRequiredOnSetup' });
    expect(bank).toContain('/3ds/seti_');
    expect(await submit(bank ?? '', { outcome: 'complete' })).toContain(url);
    expect(await read(url)).toContain('ending in 3155 (default)');
    expect((await readMethods(server, AS)).find(({ isDefault }) => isDefault)).toMatchObject({ last4: '3155' });
    const [invoice] = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId, status: 'open' })).data;
    const active = watchUntil(server, id, ({ status }) => status === 'ACTIVE');
    const toBank = await submit(url, { action: 'pay', id: invoice?.id ?? '' });
    if (toBank?.includes('/3ds/'))
      await fetch(toBank, { method: 'POST', body: new URLSearchParams({ outcome: 'complete' }).toString() });
    await active;
    expect(
      await eventually(
        () => readCharges(server, id),
        (rows) => rows[1]?.status === 'SUCCESSFUL',
      ),
    ).toHaveLength(2);
  });

  test('twenty at once, and one whose customer Stripe deleted, lead to the account’s one customer', async () => {
    const as = { account: 'twenty' };
    const urls = await Promise.all(Array.from({ length: 20 }, () => open({}, as)));
    expect(urls.every((url) => url.includes('/_sandbox/portal/'))).toBe(true);
    await addFault(bed.sandbox, { kind: 'drop', times: 1, match: { eventType: 'customer.deleted' } });
    await bed.stripe.customers.del((await customerOf(bed, 'twenty'))?.id ?? '');
    expect(await read(await open({}, as))).toContain('You have no subscription.');
  });

  test('of another customer in an answer is never handed out', async () => {
    const proxy = await openStripeProxy(bed.sandbox.url);
    const cautious = await bed.start({ environment: { ...REDIRECTS, STRIPE_API_BASE: proxy.url } });
    try {
      proxy.lie(async (call, forward) => {
        const answer = await forward();
        return call.path === '/v1/billing_portal/sessions'
          ? { ...answer, body: { ...answer.body, customer: 'cus_another' } }
          : answer;
      });
      await expect(open({}, AS, cautious)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    } finally {
      await cautious.stop();
      await proxy.close();
    }
  });
});
