import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complete, payByCheckout, REDIRECTS, sessionsOf } from '../../harness/checkout.js';
import { ask, confirm, confirmUntil, pay } from '../../harness/payments.js';
import { readCharges, startActive } from '../../harness/recurring.js';
import { ADMIN, payOrder, refund } from '../../harness/refunds.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { deliver } from '../../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: { ...REDIRECTS, TOLLGATE_RECONCILE_MINUTES: '0' } });
});
afterAll(() => bed.close());

const FIELDS = `id status version refundState receiptUrl metadata
  paymentMethod { type brand last4 wallet expMonth expYear } invoice { number hostedUrl }`;
const read = (id: string): Promise<Record<string, unknown>> =>
  ask(server, `query ($id: ID!) { payment(id: $id) { ${FIELDS} } }`, { id }, ADMIN);
const readUntil = async (id: string, wanted: object): Promise<Record<string, unknown>> => {
  await expect.poll(() => read(id), { timeout: 5_000 }).toMatchObject(wanted);
  return read(id);
};
const list = async (filter: object, as = ADMIN): Promise<string[]> => {
  const page = await ask<{ edges: { node: { id: string } }[] }>(
    server,
    `query ($orderId: ID, $refundState: RefundState, $search: String, $createdFrom: DateTime, $createdTo: DateTime) {
      payments(orderId: $orderId, refundState: $refundState, search: $search, createdFrom: $createdFrom, createdTo: $createdTo,
        first: 100) { edges { node { ${FIELDS} } } } }`,
    { ...filter },
    as,
  );
  return page.edges.map(({ node }) => node.id);
};
const requestCount = async (): Promise<number> =>
  ((await (await fetch(`${bed.sandbox.url}/_sandbox/requests`)).json()) as unknown[]).length;
const eventsOf = async (intentId: string, type: string): Promise<Stripe.Event[]> =>
  (await bed.stripe.events.list({ limit: 100, type })).data.filter(
    ({ data }) =>
      Reflect.get(data.object, 'payment_intent') === intentId || Reflect.get(data.object, 'id') === intentId,
  );
const countPayments = async (): Promise<number> =>
  Number((await bed.sql.query('select count(*) from tollgate.payment')).rows[0].count);

test('pay without amount or currency asks for what is due of the order in its currency; with them they must be the same', async () => {
  const order = await bed.createOrder({ amount: 4_200, currency: 'EUR' });
  const paid = await ask<{ payment: { id: string; amount: number; currency: string } }>(
    server,
    'mutation ($orderId: ID!) { pay(input: { orderId: $orderId }) { payment { id amount currency } } }',
    { orderId: order },
  );
  expect(paid.payment).toMatchObject({ amount: 4_200, currency: 'EUR' });
  const again = await pay(server, order, { amount: 4_200, currency: 'EUR' });
  expect(again.payment.id).toBe(paid.payment.id);
  await expect(pay(server, order, { amount: 4_201, currency: undefined })).rejects.toMatchObject({
    code: 'AMOUNT_MISMATCH',
  });
  await expect(pay(server, order, { amount: undefined, currency: 'USD' })).rejects.toMatchObject({
    code: 'CURRENCY_MISMATCH',
  });

  const partly = await payOrder(bed, server);
  await refund(server, partly.payment.id, 4_000);
  const rest = await pay(server, partly.payment.orderId, { amount: undefined, currency: undefined });
  expect(rest.payment.amount).toBe(4_000);
  const full = await payOrder(bed, server);
  await expect(pay(server, full.payment.orderId, { amount: undefined, currency: undefined })).rejects.toMatchObject({
    code: 'ORDER_ALREADY_PAID',
  });
});

test('what the app hands on is kept and reaches Stripe; what Stripe could not take is BAD_USER_INPUT with its key, and nothing is written', async () => {
  const before = [await countPayments(), await requestCount()];
  const order = await bed.createOrder();
  const wrong: [object, string][] = [
    [{ metadata: { cart: { nested: 1 } } }, 'cart'],
    [{ metadata: { cart: 81 } }, 'cart'],
    [{ metadata: ['a'] }, 'flat map'],
    [{ metadata: { note: 'x'.repeat(501) } }, 'note'],
    [{ metadata: { ['k'.repeat(41)]: 'x' } }, 'kkk'],
    [{ metadata: { tollgate_order: '1' } }, 'tollgate_order'],
    [{ metadata: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`key${at}`, 'x'])) }, 'key20'],
    [{ receiptEmail: 'nobody' }, 'receiptEmail'],
    [{ statementDescriptorSuffix: 'A*B' }, 'statementDescriptorSuffix'],
    [{ locale: 'de' }, 'CHECKOUT'],
    [
      { mode: 'CHECKOUT', successUrl: 'https://shop.example/', cancelUrl: 'https://shop.example/', locale: 'tlh' },
      'tlh',
    ],
  ];
  for (const [input, named] of wrong)
    await expect(pay(server, order, input), named).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining(named),
    });
  expect([await countPayments(), await requestCount()]).toEqual(before);

  const metadata = { cart: '81', 'campaign-id': 'spring' };
  const given = { metadata, receiptEmail: 'a@shop.example', statementDescriptorSuffix: 'TEA 81' };
  const paid = await pay(server, order, given);
  expect(await bed.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId)).toMatchObject({
    metadata: { ...metadata, tollgate_payment: paid.payment.id },
    receipt_email: 'a@shop.example',
    statement_descriptor_suffix: 'TEA 81',
  });
  expect((await read(paid.payment.id))['metadata']).toEqual(metadata);
  // the same again goes on with it; others make another attempt
  expect((await pay(server, order, given)).payment.id).toBe(paid.payment.id);
  expect((await pay(server, order)).payment.id).toBe(paid.payment.id);
  expect((await pay(server, order, { metadata: { cart: '82' } })).payment.id).not.toBe(paid.payment.id);

  const page = await payByCheckout(server, await bed.createOrder(), { ...given, locale: 'de' });
  expect(await complete(bed, page.checkoutUrl)).toBe(200);
  const [session] = await sessionsOf(bed, page.payment.orderId);
  expect(session).toMatchObject({ locale: 'de', metadata });
  await readUntil(page.payment.id, { status: 'SUCCESSFUL', metadata, paymentMethod: { brand: 'visa', last4: '4242' } });
});

test('a payment tells who paid and its receipt, whichever of the charge and the success comes first, twice, or by a read; a failed try tells what was tried', async () => {
  const visa = { type: 'card', brand: 'visa', last4: '4242', wallet: null };
  const failed = await pay(server, await bed.createOrder());
  await confirmUntil(bed, server, failed, { method: 'pm_card_radarBlock', status: 'FAILED' });
  expect(await read(failed.payment.id)).toMatchObject({ paymentMethod: { last4: '0019' }, receiptUrl: null });
  await confirmUntil(bed, server, failed);
  await readUntil(failed.payment.id, { paymentMethod: visa, receiptUrl: expect.stringContaining('/receipts/') });

  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 100_000 });
  try {
    for (const order of [
      ['payment_intent.succeeded', 'charge.succeeded', 'charge.updated'],
      ['charge.updated', 'charge.succeeded', 'payment_intent.succeeded'],
      [
        'charge.succeeded',
        'charge.succeeded',
        'payment_intent.succeeded',
        'charge.succeeded',
        'payment_intent.succeeded',
      ],
    ]) {
      const paid = await pay(server, await bed.createOrder());
      await bed.stripe.paymentIntents.confirm(paid.payment.stripePaymentIntentId, {
        payment_method: 'pm_card_visa',
        return_url: 'https://shop.example/',
      });
      const chargeFirst = order[0] !== 'payment_intent.succeeded';
      for (const [at, type] of order.entries()) {
        const [event] = await eventsOf(paid.payment.stripePaymentIntentId, type);
        expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
        // a charge shows nothing before the status that it brings
        if (at === 0 && chargeFirst)
          expect(await read(paid.payment.id), type).toMatchObject({
            version: paid.payment.version,
            paymentMethod: null,
          });
      }
      const row = await read(paid.payment.id);
      expect(row).toMatchObject({ status: 'SUCCESSFUL', paymentMethod: visa });
      expect(row['receiptUrl']).toContain('/receipts/');
      expect(row['version']).toBe(paid.payment.version + (chargeFirst ? 1 : 2));
    }
    // the success alone says nothing of the charge; read from Stripe once more, it does
    const late = await pay(server, await bed.createOrder());
    await confirm(bed, late);
    const [success] = await eventsOf(late.payment.stripePaymentIntentId, 'payment_intent.succeeded');
    await deliver(server, JSON.stringify(success));
    expect(await read(late.payment.id)).toMatchObject({ status: 'SUCCESSFUL', paymentMethod: null });
    await deliver(server, JSON.stringify({ ...success, id: `${success?.id}_read`, api_version: '2020-08-27' }));
    expect(await read(late.payment.id)).toMatchObject({
      version: late.payment.version + 2,
      paymentMethod: visa,
      receiptUrl: expect.stringContaining('/receipts/'),
    });
    // no event at all: whoever asks Stripe learns it
    const asked = await pay(server, await bed.createOrder());
    await confirm(bed, asked);
    await ask(server, 'mutation ($id: ID!) { continuePayment(input: { id: $id }) { payment { id } } }', {
      id: asked.payment.id,
    });
    expect(await read(asked.payment.id)).toMatchObject({
      status: 'SUCCESSFUL',
      paymentMethod: visa,
      receiptUrl: expect.stringContaining('/receipts/'),
    });
  } finally {
    await clearFaults(bed.sandbox);
  }
  const { id: recurringId } = await startActive(bed, server);
  const [first] = await readCharges(server, recurringId);
  await readUntil(first?.id ?? '', {
    paymentMethod: visa,
    invoice: { number: expect.any(String), hostedUrl: expect.stringContaining('http') },
  });
});

test('lists are narrowed by what went back, by time, and by any whole id; others rows stay hidden; a list of 100 asks Stripe nothing', async () => {
  const [whole, part, none] = [await payOrder(bed, server), await payOrder(bed, server), await payOrder(bed, server)];
  const back = await refund(server, whole.payment.id, 10_000);
  const some = await refund(server, part.payment.id, 1);
  const ids = [whole, part, none].map(({ payment }) => payment.id);
  const [w, p, n] = ids;
  const states = { FULL: w, PARTIAL: p, NONE: n };
  for (const [refundState, id] of Object.entries(states)) {
    expect((await list({ refundState })).filter((other) => ids.includes(other))).toEqual([id]);
    expect(await read(id ?? '')).toMatchObject({ refundState });
  }
  const { payment } = whole;
  const charge = (await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)).latest_charge as string;
  for (const search of [
    payment.id,
    payment.stripePaymentIntentId,
    charge,
    back.id,
    String(back.stripeRefundId),
    ` ${payment.id} `,
  ])
    expect(await list({ search }), search).toEqual([payment.id]);
  expect(await list({ search: payment.orderId })).toContain(payment.id);
  expect(await list({ search: 'customer' })).toEqual(expect.arrayContaining(ids));
  for (const search of ['', payment.stripePaymentIntentId.slice(0, -1), "' or true --", 'x'.repeat(300)])
    expect(await list({ search }), search).toEqual([]);
  expect(await list({ search: payment.id }, { account: 'stranger', roles: [] })).toEqual([]);
  expect(await list({ search: payment.id }, { account: 'customer', roles: [] })).toEqual([payment.id]);
  const { rows } = await bed.sql.query('select created_at as at from tollgate.payment where id = $1', [p]);
  const at = (rows[0].at as Date).getTime();
  const range = { createdFrom: new Date(at - 1).toISOString(), createdTo: new Date(at + 1).toISOString() };
  expect(await list(range)).toEqual([p]);
  expect(await list({ createdTo: new Date(0).toISOString() })).toEqual([]);

  const refundsOf = (status: string, as = ADMIN): Promise<{ edges: { node: { id: string } }[] }> =>
    ask(server, 'query ($s: RefundStatus) { refunds(status: $s) { edges { node { id } } } }', { s: status }, as);
  expect((await refundsOf('REFUNDED')).edges.map(({ node }) => node.id)).toEqual(
    expect.arrayContaining([back.id, some.id]),
  );
  expect((await refundsOf('CANCELED')).edges).toEqual([]);
  await expect(refundsOf('REFUNDED', { account: 'customer', roles: [] })).rejects.toMatchObject({ code: 'FORBIDDEN' });

  await bed.sql.query(`insert into tollgate.payment (order_id, account_id, amount, currency, status, livemode, stripe_account)
    select order_id, account_id, amount, currency, 'CANCELED', livemode, stripe_account
    from tollgate.payment, generate_series(1, 100) where id = ${n}`);
  const before = await requestCount();
  expect(await list({})).toHaveLength(100);
  expect(await requestCount()).toBe(before);
});
