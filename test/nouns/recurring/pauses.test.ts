import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../harness/payments.js';
import {
  alter,
  eventually,
  initiate,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  startActive,
  watchUntil,
} from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const ADMIN = { account: 'boss', roles: ['admin'] };
const pause = (recurringPaymentId: string, more: object = {}, as?: typeof ADMIN) =>
  alter(server, 'pauseRecurringPayment', { recurringPaymentId, ...more }, as);
const unpause = (recurringPaymentId: string, more: object = {}, as?: typeof ADMIN) =>
  alter(server, 'unpauseRecurringPayment', { recurringPaymentId, ...more }, as);
const pausedAtStripe = async (id: string) => (await bed.stripe.subscriptions.retrieve(id)).pause_collection;

/** The requests that were written to one subscription. */
const writesTo = async (subscriptionId: string): Promise<unknown[]> => {
  const log = await (await fetch(`${bed.sandbox.url}/_sandbox/requests?limit=10000`)).json();
  return (log as { data: { method: string; path: string }[] }).data.filter(
    ({ method, path }) => method === 'POST' && path === `/v1/subscriptions/${subscriptionId}`,
  );
};

describe('a pause', () => {
  test('charges nothing while it lasts, and collection goes on after it', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const live = watchUntil(server, id, ({ collectionPaused }) => collectionPaused);
    expect(await pause(id)).toMatchObject({ status: 'ACTIVE', collectionPaused: true });
    await live;
    expect(await pausedAtStripe(stripeSubscriptionId)).toEqual({ behavior: 'void', resumes_at: null });
    await renew(bed);
    const [invoice] = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId })).data;
    expect(invoice?.status).toBe('void');
    expect(await readCharges(server, id)).toHaveLength(1);
    expect(await unpause(id)).toMatchObject({ status: 'ACTIVE', collectionPaused: false });
    expect(await pausedAtStripe(stripeSubscriptionId)).toBeNull();
    await renew(bed);
    const charges = await eventually(
      () => readCharges(server, id),
      (rows) => rows[1]?.status === 'SUCCESSFUL',
    );
    expect(charges).toHaveLength(2);
  });

  test.each([
    ['KEEP_AS_DRAFT', 'keep_as_draft', 'draft'],
    ['MARK_UNCOLLECTIBLE', 'mark_uncollectible', 'uncollectible'],
  ])('with %s its invoices are left as %s says: nobody is charged', async (invoices, behavior, status) => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await pause(id, { invoices });
    expect(await pausedAtStripe(stripeSubscriptionId)).toMatchObject({ behavior });
    await renew(bed);
    const [invoice] = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId })).data;
    expect(invoice).toMatchObject({ status, amount_paid: 0 });
    expect((await readCharges(server, id)).filter((charge) => charge.amountReceived > 0)).toHaveLength(1);
  });

  test('ends by itself at resumesAt, which arrives by Stripe’s event; a second pause changes the terms', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const { now } = (await (await fetch(`${bed.sandbox.url}/_sandbox/clock`)).json()) as { now: number };
    const resumesAt = new Date((now + 40 * 86_400) * 1000).toISOString();
    await pause(id);
    await pause(id, { invoices: 'KEEP_AS_DRAFT', resumesAt });
    expect(await pausedAtStripe(stripeSubscriptionId)).toEqual({
      behavior: 'keep_as_draft',
      resumes_at: now + 40 * 86_400,
    });
    const ended = watchUntil(server, id, ({ collectionPaused }) => !collectionPaused, 30_000);
    await renew(bed, 41 * 86_400);
    await ended;
    await expect(pause(id, { resumesAt: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('twenty at once pause it, and each is told so; a key does nothing again', async () => {
    const { id, version, stripeSubscriptionId } = await startActive(bed, server);
    const paused = await Promise.all(Array.from({ length: 20 }, () => pause(id, { idempotencyKey: `pause-${id}` })));
    expect(new Set(paused.map(({ collectionPaused }) => collectionPaused))).toEqual(new Set([true]));
    expect((await readRecurring(server, id)).version).toBe(version + 1);
    const resumed = await Promise.all(Array.from({ length: 20 }, () => unpause(id)));
    expect(new Set(resumed.map(({ collectionPaused }) => collectionPaused))).toEqual(new Set([false]));
    const before = (await writesTo(stripeSubscriptionId)).length;
    expect(await pause(id, { idempotencyKey: `pause-${id}` })).toMatchObject({ id, collectionPaused: false });
    expect(await writesTo(stripeSubscriptionId)).toHaveLength(before);
    await expect(pause(id, { idempotencyKey: `pause-${id}`, invoices: 'KEEP_AS_DRAFT' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  test.each([
    ['the answer is lost', { kind: 'disconnect-after-apply', times: 3 }],
    ['Stripe did it and answers 500', { kind: 'status', status: 500, applied: true, saved: true, times: 3 }],
  ])('is told as done when %s', async (_, fault) => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const match = { method: 'POST', path: `/v1/subscriptions/${stripeSubscriptionId}` };
    await addFault(bed.sandbox, { ...fault, match });
    expect(await pause(id)).toMatchObject({ collectionPaused: true });
    await clearFaults(bed.sandbox);
    await addFault(bed.sandbox, { ...fault, match });
    expect(await unpause(id)).toMatchObject({ collectionPaused: false });
    await clearFaults(bed.sandbox);
  });

  test('names who paused it in the timeline, though Stripe’s event be faster', async () => {
    const { id } = await startActive(bed, server);
    await pause(id);
    await unpause(id);
    const { rows } = await bed.sql.query<{ actor: string }>(
      `select actor from tollgate.change where node_type = 'RECURRING_PAYMENT' and node_id = $1 order by version desc limit 2`,
      [id],
    );
    expect(rows.map(({ actor }) => actor)).toEqual(['account:boss', 'account:boss']);
  });
});

describe('who may pause, and what', () => {
  test('operators may, and customers whom the app lets: their own alone', async () => {
    const { id } = await startActive(bed, server);
    const customer = { account: 'customer', roles: [] };
    await expect(pause(id, {}, customer)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const grant = 'mutation ($input: RolePermissionInput!) { grantPermission(input: $input) { role { name } } }';
    await ask(server, grant, { input: { role: 'pauser', permission: 'RECURRING_CHANGE' } }, ADMIN);
    const allowed = { account: 'customer', roles: ['pauser'] };
    expect(await pause(id, {}, allowed)).toMatchObject({ collectionPaused: true });
    await expect(unpause(id, {}, { account: 'stranger', roles: ['pauser'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await unpause(id, {}, allowed)).toMatchObject({ collectionPaused: false });
  });

  test('one that has not begun, or has ended, is refused, with a key again', async () => {
    const { recurringPayment } = await initiate(server, await bed.createOrder(), await monthlyPrice(bed));
    for (let time = 1; time <= 2; time += 1)
      await expect(
        pause(recurringPayment.id, { idempotencyKey: `early-${recurringPayment.id}` }),
      ).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await bed.stripe.subscriptions.cancel(stripeSubscriptionId);
    await eventually(
      () => readRecurring(server, id),
      ({ status }) => status === 'CANCELED',
    );
    await expect(unpause(id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('an installation that upgrades gives the permission to its admins, once', async () => {
    const { rows } = await bed.sql.query<{ role: string }>(
      `select role from tollgate.role_permission where permission = 'RECURRING_CHANGE' and role <> 'pauser'`,
    );
    expect(rows).toEqual([{ role: 'admin' }]);
  });
});
