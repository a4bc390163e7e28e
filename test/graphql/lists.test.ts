import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeOlder } from '../harness/age.js';
import { closeDispute, openDispute, readDisputes } from '../harness/disputes.js';
import { ask, type Paid } from '../harness/payments.js';
import { cancel, startActive } from '../harness/recurring.js';
import { ADMIN, payOrder, refund } from '../harness/refunds.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

interface Connection {
  readonly edges: readonly { readonly node: { readonly id: string }; readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

const LISTS = [
  'payments',
  'refunds',
  'disputes',
  'recurringPayments',
  'webhookEvents',
  'outgoingDeliveries',
  'audit',
] as const;
type List = (typeof LISTS)[number];

let bed: TestBed;
let server: Server;
const paid: Paid[] = [];
let refundIds: string[] = [];
let disputeId: string;
let recurring: { id: string; stripeSubscriptionId: string; orderId: string };

const list = (name: List, args = '', as: As = ADMIN): Promise<Connection> =>
  ask<Connection>(
    server,
    `{ ${name}${args === '' ? '' : `(${args})`} { edges { node { id } cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    {},
    as,
  );
const idsOf = ({ edges }: Connection): string[] => edges.map(({ node }) => node.id);
const found = async (name: List, search: string): Promise<string[]> =>
  idsOf(await list(name, `search: ${JSON.stringify(search)}, first: 100`));

beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    environment: {
      TOLLGATE_OUTGOING_HOSTS: 'localhost',
      TOLLGATE_ENCRYPTION_KEY: Buffer.alloc(32, 3).toString('base64'),
    },
  });
  for (const url of ['http://localhost:9/a', 'http://localhost:9/b'])
    await ask(
      server,
      `mutation ($url: String!) { createOutgoingWebhook(input: { url: $url, eventTypes: ["payment.updated"] }) { secret } }`,
      { url },
      ADMIN,
    );
  for (let n = 0; n < 5; n += 1) paid.push(await payOrder(bed, server));
  refundIds = await Promise.all(
    [0, 0, 1, 2, 2].map(async (at) => (await refund(server, paid[at]?.payment.id ?? '', 100)).id),
  );
  for (const at of [3, 4]) await openDispute(bed, paid[at]?.payment.stripePaymentIntentId ?? '');
  recurring = await startActive(bed, server);
  await startActive(bed, server);
  await until(async () => (await list('disputes')).edges.length === 2, 'both disputes are known');
  disputeId = (await list('disputes')).edges[0]?.node.id ?? '';
  await until(async () => {
    const { rows } = await bed.sql.query(`select from tollgate.stripe_event where status in ('RECEIVED', 'FAILED')`);
    return rows.length === 0;
  }, 'all events are applied');
});
afterAll(() => bed.close());

describe.each(LISTS)('%s', (name) => {
  test('is read forwards and back, without a gap or a repetition', async () => {
    const all = idsOf(await list(name, 'first: 100'));
    expect(all.length).toBeGreaterThan(1);
    const forwards: string[] = [];
    let page = await list(name, 'first: 2');
    expect(page.pageInfo.hasPreviousPage).toBe(false);
    for (;;) {
      forwards.push(...idsOf(page));
      if (!page.pageInfo.hasNextPage) break;
      page = await list(name, `first: 2, after: "${page.pageInfo.endCursor}"`);
      expect(page.pageInfo.hasPreviousPage).toBe(true);
    }
    expect(forwards).toEqual(all);
    // From its end, without a page before it.
    let back = await list(name, 'last: 2');
    expect(back.pageInfo.hasNextPage).toBe(false);
    const backwards: string[] = [];
    for (;;) {
      backwards.unshift(...idsOf(back));
      if (!back.pageInfo.hasPreviousPage) break;
      back = await list(name, `last: 2, before: "${back.pageInfo.startCursor}"`);
      expect(back.pageInfo.hasNextPage).toBe(true);
    }
    expect(backwards).toEqual(all);
    const [first, , third] = (await list(name, 'first: 3')).edges;
    if (third)
      expect(idsOf(await list(name, `after: "${first?.cursor}", before: "${third.cursor}"`))).toEqual([all[1]]);
  });

  test('says what is no page of it, and is for those alone who may read it', async () => {
    const wrong = Buffer.from('1 or true').toString('base64');
    for (const args of ['last: 0', 'last: 101', 'first: 101', `before: "${wrong}"`, `last: 2, before: "x"`])
      await expect(list(name, args), args).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const stranger = await list(name, '', { account: 'stranger' }).catch(({ code }: { code: string }) => code);
    if (typeof stranger === 'string') expect(stranger).toBe('FORBIDDEN');
    else expect(stranger.edges).toEqual([]);
  });
});

describe('a search', () => {
  test('finds by any id: ours, the order’s, the account’s and Stripe’s', async () => {
    const [{ payment } = { payment: undefined }] = paid;
    if (!payment) throw new Error('no payment');
    const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
    const own = refundIds.slice(0, 2).sort((a, b) => Number(b) - Number(a));
    for (const id of [payment.id, payment.stripePaymentIntentId, String(intent.latest_charge), ` ${payment.id} `]) {
      expect(await found('payments', id), id).toEqual([payment.id]);
      expect(await found('refunds', id), id).toEqual(own);
      expect((await found('webhookEvents', id)).length, id).toBeGreaterThan(0);
    }
    const deliveries = await found('outgoingDeliveries', payment.stripePaymentIntentId);
    expect(deliveries.length).toBeGreaterThan(1);
    expect(await found('outgoingDeliveries', payment.id)).toEqual(deliveries);
    const [refundId = ''] = refundIds;
    expect(await found('refunds', refundId)).toEqual([refundId]);
    const { rows } = await bed.sql.query<{ re: string; du: string; cus: string | null }>(
      `select (select stripe_refund_id from tollgate.refund where id = $1) as re,
        (select stripe_dispute_id from tollgate.dispute where id = $2) as du,
        (select stripe_customer_id from tollgate.stripe_customer limit 1) as cus`,
      [refundId, disputeId],
    );
    const { re = '', du = '', cus } = rows[0] ?? {};
    expect(await found('refunds', re)).toEqual([refundId]);
    expect(await found('payments', re)).toEqual([payment.id]);
    expect(await found('disputes', du)).toEqual([disputeId]);
    expect(await found('disputes', disputeId)).toEqual([disputeId]);
    for (const id of [recurring.id, recurring.stripeSubscriptionId, recurring.orderId])
      expect(await found('recurringPayments', id), id).toContain(recurring.id);
    expect(await found('payments', recurring.stripeSubscriptionId)).toHaveLength(1);
    const [charge = ''] = await found('payments', recurring.stripeSubscriptionId);
    expect(await found('recurringPayments', charge)).toEqual([recurring.id]);
    expect(await found('webhookEvents', recurring.stripeSubscriptionId)).not.toEqual([]);
    const [event = ''] = idsOf(await list('webhookEvents'));
    expect(await found('webhookEvents', event)).toEqual([event]);
    // The customer of an account, and the account itself.
    expect((await found('payments', String(cus))).sort()).toEqual((await found('payments', 'customer')).sort());
    expect(await found('recurringPayments', String(cus))).toHaveLength(2);
    for (const name of LISTS.filter((one) => one !== 'audit'))
      for (const nothing of ['', 'pi_nothing', "' or true --", 'x'.repeat(300), '9'.repeat(40)])
        expect(await found(name, nothing), `${name} ${nothing}`).toEqual([]);
  });
});

describe('filters', () => {
  test('of time and status hold together, and with a page', async () => {
    const old = paid[1]?.payment.id ?? '';
    await makeOlder(bed, { table: 'payment', column: 'created_at', id: old, by: '40 days' });
    const from = new Date(Date.now() - 41 * 86_400_000).toISOString();
    const to = new Date(Date.now() - 39 * 86_400_000).toISOString();
    const range = `createdFrom: "${from}", createdTo: "${to}"`;
    expect(idsOf(await list('payments', range))).toEqual([old]);
    expect(idsOf(await list('payments', `${range}, status: SUCCESSFUL, last: 1`))).toEqual([old]);
    expect(idsOf(await list('payments', `${range}, status: FAILED`))).toEqual([]);
    // It is the oldest now, whatever its id.
    expect(idsOf(await list('payments', 'first: 100')).at(-1)).toBe(old);
    for (const name of ['refunds', 'disputes', 'recurringPayments', 'outgoingDeliveries'] as const) {
      expect(idsOf(await list(name, range)), name).toEqual([]);
      expect(idsOf(await list(name, `createdFrom: "${to}", first: 100`))).toEqual(
        idsOf(await list(name, 'first: 100')),
      );
    }
    expect(idsOf(await list('webhookEvents', `receivedFrom: "${from}", receivedTo: "${to}"`))).toEqual([]);
    expect(idsOf(await list('refunds', 'status: FAILED'))).toEqual([]);
    expect(idsOf(await list('refunds', 'status: REFUNDED'))).toHaveLength(refundIds.length);
    // Of refunds made at once any may be the oldest.
    const oldest = idsOf(await list('refunds', 'first: 100')).slice(-1);
    expect(idsOf(await list('refunds', 'accountId: "customer", last: 1'))).toEqual(oldest);
    expect(idsOf(await list('refunds', `accountId: "${paid[0]?.payment.id}"`))).toEqual([]);
    const made = 'actor: "account:admin", action: "OUTGOING_WEBHOOK_CREATED"';
    const both = idsOf(await list('audit', made));
    expect(both).toHaveLength(2);
    expect(idsOf(await list('audit', `${made}, last: 1`))).toEqual([both[1]]);
    expect(idsOf(await list('audit', `${made}, to: "${from}"`))).toEqual([]);
  });

  test('of a row finds what was told of it, and of a payment’s refunds and disputes too', async () => {
    const types = '["payment.updated", "refund.updated", "dispute.updated", "recurring_payment.updated"]';
    await ask(
      server,
      `mutation { createOutgoingWebhook(input: { url: "http://localhost:9/c", eventTypes: ${types} }) { secret } }`,
      {},
      ADMIN,
    );
    const told = async (filter: string) =>
      ask<{ edges: { node: { nodeType: string; nodeId: string } }[] }>(
        server,
        `{ outgoingDeliveries(first: 100, ${filter}) { edges { node { nodeType nodeId } } } }`,
        {},
        ADMIN,
      ).then(({ edges }) => [...new Set(edges.map(({ node }) => `${node.nodeType} ${node.nodeId}`))].sort());
    const [refunded, disputed] = [paid[1], paid[3]].map((one) => one?.payment.id ?? '') as [string, string];
    const refundId = (await refund(server, refunded, 50)).id;
    const [dispute] = await readDisputes(server, disputed);
    await closeDispute(bed, dispute?.stripeDisputeId ?? '', 'lost');
    await cancel(server, { recurringPaymentId: recurring.id }, ADMIN);
    for (const [filter, expected] of [
      [`nodeId: "${refunded}"`, [`PAYMENT ${refunded}`, `REFUND ${refundId}`]],
      [`nodeId: "${disputed}"`, [`DISPUTE ${dispute?.id}`, `PAYMENT ${disputed}`]],
      [`nodeId: "${recurring.id}"`, [`RECURRING_PAYMENT ${recurring.id}`]],
    ] as const) {
      await expect.poll(() => told(filter), { timeout: 15_000 }).toEqual(expected);
    }
    for (const none of ['nodeId: "x"', 'nodeId: "999999"']) expect(await told(none)).toEqual([]);
  });
});
