import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { complete, payByCheckout } from '../harness/checkout.js';
import { confirm, pay, readPayment } from '../harness/payments.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { openTestBed, type Server, type StartOptions, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

/** Each status that the callback was told of a payment, by its order. */
const told: string[] = [];
const START: StartOptions = {
  environment: {
    TOLLGATE_RECONCILE_MINUTES: '0',
    TOLLGATE_FOLLOW_EVENTS_SECONDS: '1',
    REDIRECT_ORIGINS: 'https://shop.example',
  },
  flows: { paymentCallback: { run: ({ orderId, paymentStatus }) => void told.push(`${orderId} ${paymentStatus}`) } },
};

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start(START);
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

/** As on a laptop that no delivery reaches. */
const silence = (): Promise<unknown> =>
  addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
const isPaid = async (id: string): Promise<boolean> => (await readPayment(server, id))['status'] === 'SUCCESSFUL';

/** Whether so many events of a type are stored. */
const knows = async (type: string, count: number): Promise<boolean> => {
  const { rows } = await bed.sql.query('select 1 from tollgate.stripe_event where type = $1', [type]);
  return rows.length >= count;
};

test("a payment on Stripe's page shows live though no webhook comes, and its flow ran once", async () => {
  await silence();
  const orderId = await bed.createOrder();
  const begun = await payByCheckout(server, orderId);
  const watch = server.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { status } }', {
    id: begun.payment.id,
  });
  expect(await complete(bed, begun.checkoutUrl)).toBe(200);
  await watch.until(({ status }) => status === 'SUCCESSFUL');
  await watch.stop();
  expect(told.filter((line) => line.startsWith(`${orderId} `))).toEqual([`${orderId} SUCCESSFUL`]);
});

test('what happened while nobody followed is taken from where it was left', async () => {
  await silence();
  const paid = await pay(server, await bed.createOrder());
  await server.stop();
  await confirm(bed, paid);
  server = await bed.start(START);
  await until(() => isPaid(paid.payment.id), 'the payment of the time between is SUCCESSFUL');
});

test('each event is applied once although its webhook comes as well, also to two servers that both follow', async () => {
  const second = await bed.start(START);
  const before = told.length;
  const many = await Promise.all(Array.from({ length: 12 }, async () => pay(server, await bed.createOrder())));
  await Promise.all(many.map((paid) => confirm(bed, paid)));
  for (const { payment } of many) await until(() => isPaid(payment.id), `${payment.id} is SUCCESSFUL`);
  // An event that is made now, and that only following brings, is known once every earlier one was listed.
  await silence();
  const last = await pay(server, await bed.createOrder());
  await confirm(bed, last);
  await until(() => isPaid(last.payment.id), 'what only following brings is known');
  expect(told.slice(before).sort()).toEqual(
    [...many, last].map(({ payment }) => `${payment.orderId} SUCCESSFUL`).sort(),
  );
  expect(await knows('payment_intent.succeeded', many.length + 1)).toBe(true);
  const { rows } = await bed.sql.query(
    `select node_id from tollgate.change where node_type = 'PAYMENT' and to_status = 'SUCCESSFUL' and from_status <> to_status
      group by node_id having count(*) > 1`,
  );
  expect(rows).toEqual([]);
  await second.stop();
});
