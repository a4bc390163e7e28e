import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Flows, PaymentCallbackData } from '../../../src/flows/flows.js';
import { createPaymentTransitions } from '../../../src/nouns/payments/apply.js';
import type { Cause } from '../../../src/nouns/payments/decide.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { lockIntent, type PaymentReference } from '../../../src/nouns/payments/rows.js';
import { createDatabase } from '../../../src/storage/database.js';
import type { PaymentFacts } from '../../../src/stripe/translate.js';
import { factsOf } from '../../harness/facts.js';
import { ANSWER, createToldFlow, EVENT, type Ledger, NO_LOG, openLedger, type ToldFlow } from '../../harness/ledger.js';
import { createRole } from '../../harness/role.js';
import { readTimeline } from '../../harness/timeline.js';

const SEEN = 1_700_000_000;

let ledger: Ledger;
let told: ToldFlow<PaymentCallbackData>;
/** The transitions with this flow alone. */
const transitionsWith = (duplicates?: 'deliver') =>
  createPaymentTransitions({
    orders: ledger.orders,
    flows: { paymentCallback: { run: told.run, duplicates }, effects: new Map() } as unknown as Flows,
    log: NO_LOG,
  });
beforeAll(async () => {
  ledger = await openLedger();
});
beforeEach(() => {
  told = createToldFlow();
});
afterAll(() => ledger.close());

let intents = 0;
/** A payment that has an intent of its own, where nothing else is given. */
const paymentOf = (columns: object = {}): Promise<Payment> => {
  intents += 1;
  return ledger.addPayment({ stripe_payment_intent_id: `pi_${intents}`, ...columns });
};
/** Whether it is marked to be asked about. */
const isWithdrawn = async ({ id }: Payment): Promise<boolean> =>
  (
    await ledger.bed.sql.query<{ is: boolean }>(
      'select withdraw_at is not null as "is" from tollgate.payment where id = $1',
      [id],
    )
  ).rows[0]?.is ?? false;
const saidOf = ({ stripePaymentIntentId }: Payment, given: Partial<PaymentFacts> = {}): PaymentFacts =>
  factsOf(stripePaymentIntentId, { at: SEEN, ...given });
const apply = (payment: Payment, given: Partial<PaymentFacts> = {}, cause: Cause = EVENT, duplicates?: 'deliver') =>
  ledger.database.transaction(async (tx) => {
    const transitions = transitionsWith(duplicates);
    const held = await transitions.lockById(tx, payment);
    return transitions.apply(tx, held, { snapshot: saidOf(payment, given), cause });
  });
const linesOf = ({ id }: Payment): Promise<unknown[][]> =>
  readTimeline(ledger.bed, { type: 'PAYMENT', id }, { columns: 'version, from_status, to_status, actor, flow, note' });

describe('what Stripe says of a payment', () => {
  test('moves it in a new version, with its line in the timeline and its flow, once', async () => {
    const payment = await paymentOf();
    const outcome = await apply(payment);
    const { version, orderId } = payment;
    expect(outcome).toMatchObject({
      kind: 'changed',
      payment: { status: 'SUCCESSFUL', version: version + 1, amountReceived: 10_000, stripeChargeId: 'ch_1' },
    });
    expect(await ledger.readPayment(payment)).toEqual(outcome.payment);
    expect(told.calls).toEqual([
      {
        orderId,
        paymentStatus: 'SUCCESSFUL',
        previousStatus: 'PENDING',
        callbackProcessed: false,
        payment: outcome.payment,
        settledOutOfBand: false,
        orderPaidAmount: 10_000,
        orderCoveredAmount: 10_000,
        body: EVENT.body,
      },
    ]);
    expect(await apply(payment, { at: SEEN + 1 })).toMatchObject({ kind: 'kept', payment: { version: version + 1 } });
    expect(await ledger.readPayment(payment)).toMatchObject({
      version: version + 1,
      seenAt: new Date((SEEN + 1) * 1_000),
    });
    expect(told.calls).toHaveLength(1);
    expect(await linesOf(payment)).toEqual([
      [version + 1, 'PENDING', 'SUCCESSFUL', 'stripe', 'payment-callback', null],
    ]);
  });

  test('of before what was seen is asked about, and nothing is written', async () => {
    const payment = await paymentOf({ status: 'FAILED', seen_at: new Date(SEEN * 1_000) });
    expect(await apply(payment, { signal: 'await', at: SEEN - 1 })).toMatchObject({ kind: 'asked', payment });
    expect(await ledger.readPayment(payment)).toEqual(payment);
    expect(told.calls).toEqual([]);
  });

  test('that comes again is told to a flow that wants duplicates, with what its order has, and to no other', async () => {
    const payment = await paymentOf();
    await apply(payment);
    await apply(payment, {}, EVENT, 'deliver');
    expect(told.calls).toHaveLength(2);
    expect(told.calls[1]).toMatchObject({
      callbackProcessed: true,
      paymentStatus: 'SUCCESSFUL',
      previousStatus: 'SUCCESSFUL',
      orderPaidAmount: 10_000,
      orderCoveredAmount: 10_000,
    });
    // An answer to a question of our own is no event.
    await apply(payment, {}, ANSWER, 'deliver');
    expect(told.calls).toHaveLength(2);
    const nothing = await paymentOf({ status: 'FAILED', failure_code: 'card_declined', stripe_charge_id: 'ch_1' });
    const again = { signal: 'fail', failureCode: 'card_declined', amountReceived: 0 } as const;
    expect(await apply(nothing, again, EVENT, 'deliver')).toMatchObject({ kind: 'kept' });
    expect(told.calls[2]).toMatchObject({ callbackProcessed: true, orderPaidAmount: 0, orderCoveredAmount: 0 });
  });

  test('with more of its charge than the row shows is a version without a flow, where it is Stripe’s present state', async () => {
    const payment = await paymentOf();
    await apply(payment);
    const charge = { method: null, receiptUrl: 'https://pay.stripe.test/receipt' } as NonNullable<
      PaymentFacts['charge']
    >;
    expect(await apply(payment, { charge })).toMatchObject({ kind: 'kept' });
    expect(await apply(payment, { charge }, ANSWER)).toMatchObject({
      kind: 'changed',
      payment: {
        status: 'SUCCESSFUL',
        version: payment.version + 2,
        receiptUrl: charge.receiptUrl,
        amountReceived: 10_000,
      },
    });
    expect(await apply(payment, { charge }, ANSWER)).toMatchObject({ kind: 'kept' });
    expect(told.calls).toHaveLength(1);
    expect((await linesOf(payment)).at(-1)).toEqual([
      payment.version + 2,
      'SUCCESSFUL',
      'SUCCESSFUL',
      'job',
      null,
      null,
    ]);
  });

  test('with its intent’s id makes that known, be nothing else new', async () => {
    const payment = await paymentOf({ stripe_payment_intent_id: null });
    const intentId = `pi_known_${payment.id}`;
    const waits = { signal: 'await', amountReceived: 0, chargeId: null } as const;
    expect(await apply(payment, { ...waits, intentId: null })).toMatchObject({ kind: 'kept' });
    expect(await apply(payment, { ...waits, intentId }, ANSWER)).toMatchObject({
      kind: 'changed',
      payment: { status: 'PENDING', stripePaymentIntentId: intentId, version: payment.version + 1 },
    });
    expect(await apply(payment, { ...waits, intentId }, ANSWER)).toMatchObject({ kind: 'kept' });
    expect(told.calls).toEqual([]);
  });
});

describe('a flow of a payment', () => {
  test('that throws takes the change back', async () => {
    const payment = await paymentOf();
    told.fails = true;
    await expect(apply(payment)).rejects.toThrow('payment-callback');
    expect(await ledger.readPayment(payment)).toEqual(payment);
    expect(await linesOf(payment)).toEqual([]);
  });

  test('that failed too often is owed, and the change is applied without it', async () => {
    const payment = await paymentOf();
    const { id: nodeId, orderId } = payment;
    await ledger.failFlow({ flow: 'payment-callback', nodeType: 'PAYMENT', nodeId, toStatus: 'SUCCESSFUL', orderId });
    expect(await apply(payment)).toMatchObject({ kind: 'changed', payment: { status: 'SUCCESSFUL' } });
    expect(told.calls).toEqual([]);
    const { rows } = await ledger.bed.sql.query(
      `select flow, order_id::text as "orderId", version, to_status as "toStatus", event_id as "eventId", error,
        data ->> 'paymentStatus' as "told", data ->> 'orderPaidAmount' as "paid" from tollgate.owed_flow where node_id = $1`,
      [payment.id],
    );
    expect(rows).toEqual([
      {
        flow: 'payment-callback',
        orderId: payment.orderId,
        version: payment.version + 1,
        toStatus: 'SUCCESSFUL',
        eventId: 'evt_1',
        error: 'no more hats',
        told: 'SUCCESSFUL',
        paid: '10000',
      },
    ]);
  });
});

describe('what else the order has open', () => {
  test('is asked about once a payment that was not its open one is paid', async () => {
    const canceled = await paymentOf({ status: 'CANCELED' });
    const open = await paymentOf({ order_id: canceled.orderId });
    await ledger.database.transaction(async (tx) => {
      const transitions = transitionsWith();
      const held = await transitions.lockById(tx, canceled);
      await transitions.apply(tx, held, { snapshot: saidOf(canceled), cause: EVENT });
    });
    const late = await ledger.readPayment(canceled);
    expect(late.status).toBe('QUARANTINED');
    expect(await isWithdrawn(open)).toBe(false);
    const accepted = await ledger.database.transaction(async (tx) =>
      transitionsWith().accept(tx, await transitionsWith().lockById(tx, late), { actor: 'operator', note: 'taken' }),
    );
    expect(accepted).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    expect(await isWithdrawn(open)).toBe(true);
    expect((await linesOf(canceled)).at(-1)).toEqual([
      accepted.version,
      'QUARANTINED',
      'SUCCESSFUL',
      'operator',
      'payment-callback',
      'taken',
    ]);
    expect(told.calls.at(-1)).toMatchObject({
      previousStatus: 'QUARANTINED',
      orderPaidAmount: 10_000,
      body: { source: 'API' },
    });
  });
});

test('a payment that Stripe refused to make ends with its code, and its flow is told', async () => {
  const payment = await paymentOf({ stripe_payment_intent_id: null });
  const refused = await ledger.database.transaction(async (tx) =>
    transitionsWith().refuse(tx, await transitionsWith().lockById(tx, payment), {
      code: 'amount_too_large',
      actor: 'account:ann',
    }),
  );
  expect(refused).toMatchObject({
    status: 'CANCELED',
    amountReceived: 0,
    amountSettledElsewhere: null,
    failureCode: 'amount_too_large',
    failureMessage: 'Stripe refused the request.',
    stripePaymentIntentId: null,
    stripeChargeId: null,
    seenAt: new Date(0),
  });
  expect(told.calls).toMatchObject([{ paymentStatus: 'CANCELED', previousStatus: 'PENDING', orderPaidAmount: 0 }]);
});

describe('a Stripe object leads to its payment', () => {
  const lock = (reference: Partial<PaymentReference>, as = ledger.database): Promise<Payment | undefined> =>
    as.transaction((tx) =>
      transitionsWith().lockByReference(tx, {
        intentId: 'pi_unknown',
        paymentId: null,
        amount: 10_000,
        currency: 'USD',
        livemode: false,
        ...reference,
      }),
    );

  test('by the intent’s id, or by our mark while the row has none', async () => {
    const payment = await paymentOf();
    const unsent = await paymentOf({ stripe_payment_intent_id: null });
    expect(await lock({ intentId: payment.stripePaymentIntentId as string })).toEqual(payment);
    expect(await lock({ intentId: 'pi_new', paymentId: unsent.id })).toEqual(unsent);
    expect(await lock({ intentId: 'pi_new', paymentId: unsent.id, amount: 1 })).toBeUndefined();
    expect(await lock({})).toBeUndefined();
  });

  test('which is of no use where its order can’t be read', async () => {
    const payment = await paymentOf();
    const { name, url, drop } = await createRole(ledger.bed.database.url);
    const asRole = createDatabase({ url, poolSize: 1 });
    const allow = (what: string) => ledger.bed.sql.query(`grant ${what} to ${name}`);
    const said = () =>
      lock({ intentId: payment.stripePaymentIntentId as string }, asRole).then(
        (found) => found?.id,
        ({ code }) => code,
      );
    await allow('usage on schema tollgate');
    await allow('select, update on all tables in schema tollgate');
    try {
      const withoutRights = await said();
      await allow('select, update on public.shop_order');
      const withRights = await said();
      await ledger.bed.sql.query('alter table public.shop_order enable row level security');
      expect([withoutRights, withRights, await said()]).toEqual(['ORDER_UNREADABLE', payment.id, 'ORDER_UNREADABLE']);
    } finally {
      await ledger.bed.sql.query('alter table public.shop_order disable row level security');
      await asRole.close();
      await drop();
    }
  });
});

test('a payment is locked behind its order', async () => {
  const payment = await paymentOf();
  const free = async (table: string, id: string): Promise<number> =>
    (await ledger.bed.sql.query(`select 1 from ${table} where id = $1 for no key update skip locked`, [id])).rows
      .length;
  const whatIsFree = () =>
    Promise.all([free('public.shop_order', payment.orderId), free('tollgate.payment', payment.id)]);
  const meanwhile = await ledger.database.transaction(async (tx) => {
    await transitionsWith().lockById(tx, payment);
    return whatIsFree();
  });
  expect([meanwhile, await whatIsFree()]).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test('a row that is gone is said to be gone', async () => {
  const orderId = await ledger.bed.createOrder();
  await expect(
    ledger.database.transaction((tx) => transitionsWith().lockById(tx, { id: '999999', orderId })),
  ).rejects.toThrow('Payment 999999 is gone');
});

describe('a page’s intent, whose events came before its id was known', () => {
  test('lets them be looked at again, once', async () => {
    const page = await paymentOf({ stripe_payment_intent_id: null, mode: 'CHECKOUT' });
    const plain = await paymentOf({ stripe_payment_intent_id: null });
    const waiting = async (intentId: string): Promise<string> => {
      const id = `evt_before_${intentId}`;
      await ledger.bed.sql.query(
        `insert into tollgate.stripe_event (id, type, object_id, status, payload)
          values ($1, 'payment_intent.succeeded', $2, 'IGNORED', '{}')`,
        [id, intentId],
      );
      return id;
    };
    const statusOf = async (id: string): Promise<unknown> =>
      (await ledger.bed.sql.query('select status from tollgate.stripe_event where id = $1', [id])).rows[0]?.status;
    const seen: unknown[] = [];
    for (const payment of [page, plain]) {
      const intentId = `pi_page_${payment.id}`;
      const event = await waiting(intentId);
      await apply(payment, { intentId, signal: 'await', amountReceived: 0, chargeId: null });
      seen.push(await statusOf(event));
    }
    expect(seen).toEqual(['RECEIVED', 'IGNORED']);
  });

  test('is learned after what is deciding about such an event', async () => {
    const page = await paymentOf({ stripe_payment_intent_id: null, mode: 'CHECKOUT' });
    const intentId = `pi_decided_${page.id}`;
    const ends: string[] = [];
    const learned = await ledger.database.transaction(async (tx) => {
      await tx.query(lockIntent(intentId));
      const learning = apply(page, { intentId, signal: 'await', chargeId: null }).then(() => ends.push('learned'));
      await expect
        .poll(async () => {
          const waits = `select 1 from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`;
          return ends.length > 0 || (await ledger.bed.sql.query(waits)).rows.length > 0;
        })
        .toBe(true);
      ends.push('decided');
      return { learning };
    });
    await learned.learning;
    expect(ends).toEqual(['decided', 'learned']);
  });
});
