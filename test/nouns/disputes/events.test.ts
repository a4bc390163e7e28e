import fc from 'fast-check';
import type Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../cli/command.js';
import { payByCheckout, REDIRECTS } from '../../harness/checkout.js';
import { closeDispute, escalateDispute, openDispute, readDisputes } from '../../harness/disputes.js';
import { confirm, type Paid, pay } from '../../harness/payments.js';
import { ADMIN, payOrder, readMoney } from '../../harness/refunds.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { deliver, eventOf } from '../../harness/signed-event.js';
import { readTimeline } from '../../harness/timeline.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let calls: { readonly orderId: string; readonly status: string }[] = [];
let throwing = false;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    environment: { ...REDIRECTS, TOLLGATE_RECONCILE_MINUTES: '0' },
    flows: {
      disputeCallback: {
        run({ orderId, status }) {
          calls.push({ orderId, status });
          if (throwing) throw new Error('the shop is on fire');
        },
      },
    },
  });
});
beforeEach(async () => {
  calls = [];
  await clearFaults(bed.sandbox);
});
afterAll(() => bed.close());

/** What the flow was told of the payment's order. */
const callsOf = ({ payment }: Paid): string[] =>
  calls.filter(({ orderId }) => orderId === payment.orderId).map(({ status }) => status);
const intentOf = ({ payment }: Paid): string => payment.stripePaymentIntentId;
const holdEvents = (): Promise<unknown> =>
  addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 100_000 });
/** All events that Stripe has of the intent, oldest first. */
const eventsOf = async (intentId: string): Promise<Stripe.Event[]> => {
  const { data } = await bed.stripe.events.list({ limit: 100 });
  const about = (object: object): boolean =>
    Reflect.get(object, 'id') === intentId || Reflect.get(object, 'payment_intent') === intentId;
  return data.filter((event) => about(event.data.object)).reverse();
};
const disputeEventsOf = async (intentId: string): Promise<Stripe.Event[]> =>
  (await eventsOf(intentId)).filter(({ type }) => type.startsWith('charge.dispute.'));
const deliverAll = async (events: readonly (Stripe.Event | undefined)[]): Promise<void> => {
  for (const event of events) expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
};
const inboxOf = async (type: string) =>
  (
    await bed.sql.query<{ status: string; reason: string | null }>(
      'select status, reason from tollgate.stripe_event where type = $1 order by received_at desc limit 1',
      [type],
    )
  ).rows[0];
/** Stripe's word of the dispute some seconds after this event, with what is different by then. */
const later = (event: Stripe.Event | undefined, seconds: number, change: object = {}) =>
  eventOf('charge.dispute.updated', { ...event?.data.object, ...change }, { created: (event?.created ?? 0) + seconds });
/** The lines about disputes in a row's timeline: its version, from and to which status, the flow that ran, the note. */
const linesOf = (type: 'PAYMENT' | 'DISPUTE', id: string): Promise<unknown[][]> =>
  readTimeline(bed, { type, id }, { columns: 'version, from_status, to_status, flow, note', noted: 'dispute ' });
const statusOf = async (id: string): Promise<string | undefined> => (await readDisputes(server, id))[0]?.status;

test('every order of the events, repeated or not, ends in the same dispute, the same sums and no flow run twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (random) => {
      const number = (): number => random.next().value ?? 0;
      await holdEvents();
      const paid = await pay(server, await bed.createOrder());
      await confirm(bed, paid);
      const inquiry = number() < 0.5;
      const { id } = await openDispute(bed, intentOf(paid), { inquiry });
      if (inquiry) await escalateDispute(bed, id);
      await bed.stripe.disputes.update(id, { evidence: { uncategorized_text: 'they signed' }, submit: true });
      const isLost = number() < 0.5;
      await closeDispute(bed, id, isLost ? 'lost' : 'won');
      const events = await eventsOf(intentOf(paid));
      const shuffled = [...events, ...events.filter(() => number() < 0.3)]
        .map((event) => ({ event, place: number() }))
        .sort((a, b) => a.place - b.place)
        .map(({ event }) => event);
      calls = [];
      await deliverAll(shuffled);
      expect(await readDisputes(server, paid.payment.id)).toMatchObject([
        {
          stripeDisputeId: id,
          amount: 10_000,
          status: isLost ? 'LOST' : 'WON',
          payment: { amountDisputed: isLost ? 10_000 : 0 },
        },
      ]);
      expect(await readMoney(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
      expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
      expect(callsOf(paid)).toEqual([...new Set(callsOf(paid))]);
      expect(callsOf(paid).at(-1)).toBe(isLost ? 'LOST' : 'WON');
      await clearFaults(bed.sandbox);
    }),
    { numRuns: 20 },
  );
});

test('a dispute heard of before its payment’s success brings the payment first, in one transaction', async () => {
  await holdEvents();
  const paid = await pay(server, await bed.createOrder());
  await confirm(bed, paid);
  await openDispute(bed, intentOf(paid));
  await deliverAll((await disputeEventsOf(intentOf(paid))).slice(0, 1));
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
  expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ status: 'NEEDS_RESPONSE' }]);
});

test('of a page’s payment whose intent is not known yet, the intent’s mark leads to it', async () => {
  const { payment, checkoutUrl } = await payByCheckout(server, await bed.createOrder());
  await holdEvents();
  const session = /cs_test_[^/?#]+/.exec(checkoutUrl ?? '')?.[0];
  const response = await fetch(`${bed.sandbox.url}/_sandbox/checkout/sessions/${session}/complete`, {
    method: 'POST',
    body: JSON.stringify({ payment_method: 'pm_card_visa', email: 'ada@example.com' }),
  });
  expect(response.status).toBe(200);
  const intentId = String((await bed.stripe.checkout.sessions.retrieve(session ?? '')).payment_intent);
  await openDispute(bed, intentId);
  await deliverAll((await disputeEventsOf(intentId)).slice(0, 1));
  expect(await readDisputes(server, payment.id)).toMatchObject([{ status: 'NEEDS_RESPONSE' }]);
  expect(await readMoney(server, payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
});

test('an event of another API version is a hint, whatever its shape: Stripe is asked', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  const { id, charge } = await openDispute(bed, intentOf(paid));
  const old = { id, object: 'dispute', charge, status: 'won' };
  await deliver(server, JSON.stringify(eventOf('charge.dispute.created', old, { api_version: '2015-10-16' })));
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ status: 'NEEDS_RESPONSE', amount: 10_000 }]);
});

test('of a payment that is none of ours it is ignored, with the reason', async () => {
  const intent = await bed.stripe.paymentIntents.create({
    amount: 1_000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm: true,
    metadata: { tollgate_installation: 'another', tollgate_payment: '1' },
  });
  await openDispute(bed, intent.id);
  await bed.sandbox.settled();
  expect(await inboxOf('charge.dispute.created')).toMatchObject({
    status: 'IGNORED',
    reason: 'No payment of this installation is disputed by it.',
  });
});

test('a status that we do not know has no end yet, and an appeal is answered like the dispute', async () => {
  const paid = await payOrder(bed, server);
  const appealed = await payOrder(bed, server);
  await holdEvents();
  const { id } = await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  const object = created?.data.object as Stripe.Dispute;
  const told = (status: string, seconds: number) =>
    eventOf('charge.dispute.updated', { ...object, status }, { created: (created?.created ?? 0) + seconds });
  await deliver(server, JSON.stringify(told('arbitration', 1)));
  expect(await statusOf(paid.payment.id)).toBe('UNDER_REVIEW');
  await closeDispute(bed, id, 'lost');
  await deliver(server, JSON.stringify(told('lost', 2)));
  expect(await statusOf(paid.payment.id)).toBe('LOST');
  // What leaves an end is asked, and Stripe says that it is lost.
  await deliver(server, JSON.stringify(told('appeal_needs_response', 3)));
  expect(await statusOf(paid.payment.id)).toBe('LOST');
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  await openDispute(bed, intentOf(appealed));
  const [opened] = await disputeEventsOf(intentOf(appealed));
  await deliver(
    server,
    JSON.stringify({ ...opened, data: { object: { ...opened?.data.object, status: 'appeal_needs_response' } } }),
  );
  expect(await statusOf(appealed.payment.id)).toBe('NEEDS_RESPONSE');
});

test('an amount that changes while the status stays is counted anew and told in both timelines, and no flow runs', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  await deliverAll([created]);
  await deliver(server, JSON.stringify(later(created, 1, { amount: 4_000 })));
  const [dispute] = await readDisputes(server, paid.payment.id);
  expect(dispute).toMatchObject({ version: 2, amount: 4_000, payment: { amountDisputed: 4_000 } });
  expect(callsOf(paid)).toEqual(['NEEDS_RESPONSE']);
  expect(await linesOf('PAYMENT', paid.payment.id)).toEqual([
    [
      expect.any(Number),
      'SUCCESSFUL',
      'SUCCESSFUL',
      'dispute-callback',
      `dispute ${dispute?.id} of 100.00 USD (fraudulent) is NEEDS_RESPONSE`,
    ],
    [
      expect.any(Number),
      'SUCCESSFUL',
      'SUCCESSFUL',
      null,
      `dispute ${dispute?.id} of 40.00 USD (fraudulent) is NEEDS_RESPONSE`,
    ],
  ]);
  expect(await linesOf('DISPUTE', dispute?.id ?? '')).toEqual([
    [1, null, 'NEEDS_RESPONSE', 'dispute-callback', null],
    [2, 'NEEDS_RESPONSE', 'NEEDS_RESPONSE', null, null],
  ]);
});

test('what changes nothing that was taken leaves the payment as it is: its version and its timeline', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  await deliverAll([created]);
  const before = await linesOf('PAYMENT', paid.payment.id);
  await deliver(server, JSON.stringify(later(created, 1, { reason: 'general' })));
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ version: 2, reason: 'general' }]);
  expect(await linesOf('PAYMENT', paid.payment.id)).toEqual(before);
  expect(callsOf(paid)).toEqual(['NEEDS_RESPONSE']);
});

test('what was seen again at a later time makes everything between the two late', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  await deliverAll([created]);
  await deliver(server, JSON.stringify(later(created, 10)));
  await deliver(server, JSON.stringify(later(created, 5, { amount: 4_000 })));
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([
    { version: 1, amount: 10_000, payment: { amountDisputed: 10_000 } },
  ]);
  expect(callsOf(paid)).toEqual(['NEEDS_RESPONSE']);
});

test.each([
  ['of the other mode', { livemode: true }],
  ['in another currency', { currency: 'eur' }],
])('a known dispute that comes %s is not believed: Stripe is asked, and nothing changes', async (_, wrong) => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  await deliverAll([created]);
  await deliver(server, JSON.stringify(later(created, 1, { ...wrong, amount: 4_000 })));
  expect(await inboxOf('charge.dispute.updated')).toMatchObject({ status: 'PROCESSED' });
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ version: 1, amount: 10_000, currency: 'USD' }]);
  expect(callsOf(paid)).toEqual(['NEEDS_RESPONSE']);
});

test('of two disputes of a payment both are counted, and each by itself', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid), { amount: 6_000 });
  const [created] = await disputeEventsOf(intentOf(paid));
  await deliverAll([created]);
  const other = { id: `${created?.id}_other`, amount: 1_000 };
  await deliver(server, JSON.stringify(later(created, 0, other)));
  await deliver(server, JSON.stringify(later(created, 1, { status: 'won' })));
  expect(
    (await readDisputes(server, paid.payment.id)).map(({ amount, status, payment }) => [
      amount,
      status,
      payment.amountDisputed,
    ]),
  ).toEqual([
    [1_000, 'NEEDS_RESPONSE', 1_000],
    [6_000, 'WON', 1_000],
  ]);
  expect(callsOf(paid)).toEqual(['NEEDS_RESPONSE', 'NEEDS_RESPONSE', 'WON']);
  // Stripe has only one of them: the other is not left to be asked about.
  await deliver(server, JSON.stringify(later(created, 1, { ...other, status: 'lost' })));
  expect((await readDisputes(server, paid.payment.id)).map(({ status }) => status)).toEqual(['LOST', 'WON']);
});

test('a flow that throws rolls its event back; replayed, everything is there once', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  throwing = true;
  await deliverAll([created]);
  throwing = false;
  expect(await inboxOf('charge.dispute.created')).toMatchObject({ status: 'FAILED' });
  expect(await readDisputes(server, paid.payment.id)).toEqual([]);
  const { data, errors } = await server.request(
    'mutation ($id: ID!) { replayEvent(input: { id: $id }) { event { status } } }',
    { id: created?.id },
    ADMIN,
  );
  expect(errors).toBeUndefined();
  expect(data).toMatchObject({ replayEvent: { event: { status: 'PROCESSED' } } });
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([{ version: 1, status: 'NEEDS_RESPONSE' }]);
});

test('a flow that asked for duplicates sees a repeated event, told as one', async () => {
  const seen: boolean[] = [];
  const eager = await bed.start({
    flows: {
      disputeCallback: { duplicates: 'deliver', run: ({ callbackProcessed }) => void seen.push(callbackProcessed) },
    },
  });
  const paid = await payOrder(bed, eager);
  await holdEvents();
  await openDispute(bed, intentOf(paid));
  const [created] = await disputeEventsOf(intentOf(paid));
  for (const event of [created, created]) await deliver(eager, JSON.stringify(event));
  expect(seen).toEqual([false, true]);
  await eager.stop();
  bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
});

test('what no webhook told is found by tollgate reconcile: a new dispute, and the end of an open one', async () => {
  const open = await payOrder(bed, server);
  const { id } = await openDispute(bed, intentOf(open));
  await bed.sandbox.settled();
  expect(await statusOf(open.payment.id)).toBe('NEEDS_RESPONSE');
  const fresh = await payOrder(bed, server);
  await holdEvents();
  await openDispute(bed, intentOf(fresh));
  await closeDispute(bed, id, 'lost');
  const { code, stderr } = await runCommand(['reconcile', '--json'], bed.environment);
  expect(code, stderr).toBe(0);
  expect(await statusOf(open.payment.id)).toBe('LOST');
  expect(await statusOf(fresh.payment.id)).toBe('NEEDS_RESPONSE');
});

test('an open dispute whose events are gone is asked about by itself', async () => {
  const paid = await payOrder(bed, server);
  const { id } = await openDispute(bed, intentOf(paid));
  await bed.sandbox.settled();
  await holdEvents();
  await closeDispute(bed, id, 'won');
  // The events are known as if they had been lost: only the row is asked about.
  for (const event of await disputeEventsOf(intentOf(paid)))
    await bed.sql.query(
      `insert into tollgate.stripe_event (id, type, object_id, status) values ($1, $2, $3, 'IGNORED') on conflict do nothing`,
      [event.id, event.type, intentOf(paid)],
    );
  const { code, stderr } = await runCommand(['reconcile', '--json'], bed.environment);
  expect(code, stderr).toBe(0);
  expect(await readDisputes(server, paid.payment.id)).toMatchObject([
    { status: 'WON', payment: { amountDisputed: 0 } },
  ]);
});
