import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/caller.js';
import { DeclinedByAppError } from '../../../src/core/errors.js';
import { PAYMENT_STATUSES } from '../../../src/core/states.js';
import type { PaymentRequestData } from '../../../src/flows/payment-request.js';
import type { OwnedMethod } from '../../../src/nouns/customers/methods.js';
import type { PayRequest } from '../../../src/nouns/payments/pay.js';
import { createPaymentReservations, type Reservation } from '../../../src/nouns/payments/reserve.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { idempotentRequest } from '../../../src/storage/idempotent-request.js';
import { callerOf, KEYS, openLedger } from '../../harness/ledger.js';
import type { BedOptions } from '../../harness/tollgate.js';

const OPEN = ['PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE', 'FAILED'] as const;
const ANN = callerOf('ann');
const NOBODY = callerOf(null);
const OPERATOR = callerOf('operator', 'PAYMENT_READ_ANY', 'PAYMENT_MANAGE');

/** A ledger, and what reserves there. */
const openDesk = async (options?: BedOptions) => {
  const ledger = await openLedger(options);
  const { database, orders } = ledger;
  const asked: PaymentRequestData[] = [];
  let declines = false;
  const askApp = async (_: unknown, data: PaymentRequestData): Promise<void> => {
    asked.push(data);
    if (declines) throw new DeclinedByAppError('SOLD_OUT', 'The last piece is sold.');
  };
  const make = (forCustomers: boolean) => createPaymentReservations({ database, orders, askApp, forCustomers });
  return {
    ...ledger,
    asked,
    desk: make(false),
    withCustomers: make(true),
    decline: (value: boolean): void => {
      declines = value;
    },
  };
};
type Desk = Awaited<ReturnType<typeof openDesk>>;

/** Orders of `shop` have an owner, an amount and a currency, those of `market` nothing but their id. */
let shop: Desk;
let market: Desk;
beforeAll(async () => {
  [shop, market] = await Promise.all([
    openDesk(),
    openDesk({ binding: { orderTable: 'public.shop_order', idColumn: 'id' } }),
  ]);
});
beforeEach(() => {
  for (const { asked, decline } of [shop, market]) {
    asked.length = 0;
    decline(false);
  }
});
afterAll(() => Promise.all([shop.close(), market.close()]));

interface Asked extends Partial<PayRequest> {
  readonly by?: Caller;
  readonly again?: boolean;
  readonly method?: OwnedMethod;
  readonly withCustomers?: boolean;
}
const isMarket = (at: Desk): boolean => at === market;
const asking = (
  at: Desk,
  orderId: string,
  { by = ANN, again = false, method, withCustomers: _, ...more }: Asked,
): Reservation => {
  const terms = isMarket(at) ? { amount: 10_000, currency: 'USD' } : {};
  const request: PayRequest = { orderId, mode: 'ELEMENTS', captureMethod: 'AUTOMATIC', ...terms, ...more };
  const idempotency = idempotentRequest(by, 'pay', request);
  return { request, caller: by, access: KEYS, actor: 'account:ann', method, idempotency, again };
};
const reserve = (at: Desk, orderId: string, asked: Asked = {}) =>
  at.database.transaction((tx) =>
    (asked.withCustomers ? at.withCustomers : at.desk).reserve(tx, asking(at, orderId, asked)),
  );
const orderAt = (at: Desk, more: object = {}) => at.bed.createOrder({ account: 'ann', ...more });
/** The payment's row, changed as an operator of the database could. */
const become = async (at: Desk, { id }: Payment, set: string): Promise<void> => {
  await at.bed.sql.query(`update tollgate.payment set ${set} where id = $1`, [id]);
};
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    ({ code }) => code,
  );
const errorOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
const cardOf = (accountId: string): OwnedMethod => ({
  accountId,
  customerId: 'cus_1',
  method: { id: 'pm_1' } as unknown as OwnedMethod['method'],
});

describe('a new payment', () => {
  test('has what was asked for, and a line in its timeline', async () => {
    const orderId = await orderAt(shop);
    const { kind, payment } = await reserve(shop, orderId);
    expect(kind).toBe('made');
    expect(payment).toMatchObject({
      orderId,
      accountId: 'ann',
      amount: 10_000,
      currency: 'USD',
      status: 'PENDING',
      mode: 'ELEMENTS',
      captureMethod: 'AUTOMATIC',
      description: null,
      successUrl: null,
      cancelUrl: null,
      metadata: {},
      receiptEmail: null,
      statementDescriptorSuffix: null,
      locale: null,
      livemode: false,
      stripeAccount: 'acct_1',
      forCustomer: false,
      savesMethod: false,
      savedMethodId: null,
      offSession: false,
    });
    const { rows } = await shop.bed.sql.query(
      `select from_status, to_status, actor from tollgate.change where node_type = 'PAYMENT' and node_id = $1`,
      [payment.id],
    );
    expect(rows).toEqual([{ from_status: null, to_status: 'PENDING', actor: 'account:ann' }]);
    const all = {
      mode: 'CHECKOUT',
      captureMethod: 'MANUAL',
      description: 'a hat',
      successUrl: 'https://shop.example/thanks',
      cancelUrl: 'https://shop.example/cart',
      metadata: { cart: '81' },
      receiptEmail: 'ann@shop.example',
      statementDescriptorSuffix: 'HAT',
      locale: 'de',
      offSession: true,
    } as const;
    expect((await reserve(shop, await orderAt(shop), all)).payment).toMatchObject(all);
  });

  test('is its order’s owner’s, whoever asks; where orders have none, it is the caller’s', async () => {
    expect((await reserve(shop, await orderAt(shop), { by: OPERATOR })).payment.accountId).toBe('ann');
    expect((await reserve(market, await orderAt(market))).payment.accountId).toBe('ann');
    expect((await reserve(market, await orderAt(market), { by: NOBODY })).payment.accountId).toBeNull();
  });

  test('is made for the account’s customer where payments are, where it keeps its method, and where it pays with one', async () => {
    const made = async (asked: Asked): Promise<unknown> =>
      (await reserve(shop, await orderAt(shop), asked)).payment.forCustomer;
    expect(
      await Promise.all([
        made({}),
        made({ withCustomers: true }),
        made({ savePaymentMethod: true }),
        made({ paymentMethodId: 'pm_1', method: cardOf('ann') }),
      ]),
    ).toEqual([false, true, true, true]);
    const nobodys = await reserve(market, await orderAt(market), { by: NOBODY, withCustomers: true });
    expect(nobodys.payment.forCustomer).toBe(false);
  });

  test('keeps a method for an account alone', async () => {
    const saves = { savePaymentMethod: true } as const;
    expect(await codeOf(reserve(market, await orderAt(market), { ...saves, by: NOBODY }))).toBe('BAD_USER_INPUT');
    expect((await reserve(market, await orderAt(market), saves)).payment.savesMethod).toBe(true);
  });

  test('is refused for another’s order, with another’s method, and where a recurring payment lives', async () => {
    const orderId = await orderAt(shop);
    expect(await codeOf(reserve(shop, orderId, { by: callerOf('bob') }))).toBe('ORDER_NOT_FOUND');
    expect(await codeOf(reserve(shop, '999999'))).toBe('ORDER_NOT_FOUND');
    const method = cardOf('bob');
    expect(await codeOf(reserve(shop, orderId, { paymentMethodId: 'pm_1', method }))).toBe('PAYMENT_METHOD_NOT_FOUND');
    await shop.bed.sql.query(
      `insert into tollgate.recurring_payment (order_id, price_id, initial_amount, currency, livemode, stripe_account)
        values ($1, 'price_1', 10000, 'USD', $2, $3)`,
      [orderId, KEYS.livemode, KEYS.account],
    );
    expect(await codeOf(reserve(shop, orderId))).toBe('RECURRING_ALREADY_EXISTS');
    expect(shop.asked).toEqual([]);
  });

  test('that the app declines is not made', async () => {
    const orderId = await orderAt(shop);
    shop.decline(true);
    expect(await codeOf(reserve(shop, orderId))).toBe('DECLINED_BY_APP');
    expect(shop.asked).toEqual([{ orderId, amount: 10_000, currency: 'USD', accountId: 'ann', mode: 'ELEMENTS' }]);
    shop.decline(false);
    expect((await reserve(shop, orderId)).kind).toBe('made');
    const unowned = await orderAt(market);
    await reserve(market, unowned, { mode: 'CHECKOUT' });
    expect(market.asked).toMatchObject([{ orderId: unowned, accountId: 'ann', mode: 'CHECKOUT' }]);
  });
});

test('a wrong request is refused before anything is locked', async () => {
  const orderId = await orderAt(shop);
  const check = (more: object, by = ANN) => codeOf(shop.desk.check(asking(shop, orderId, more).request, by));
  expect(await check({})).toBeUndefined();
  expect(await check({ amount: 9_999 })).toBe('AMOUNT_MISMATCH');
  expect(await check({ orderId: '999999' })).toBe('ORDER_NOT_FOUND');
  expect(await check({}, callerOf('bob'))).toBe('ORDER_NOT_FOUND');
});

describe('a key', () => {
  test('gives the payment that it made, and one that was found void is bound anew', async () => {
    const orderId = await orderAt(shop);
    const key = { idempotencyKey: `one of ${orderId}` };
    const { payment: first } = await reserve(shop, orderId, key);
    await become(shop, first, `status = 'CANCELED'`);
    expect(await reserve(shop, orderId, key)).toMatchObject({ kind: 'repeated', payment: { id: first.id } });
    const anew = await reserve(shop, orderId, { ...key, again: true });
    expect(anew.kind).toBe('made');
    expect(await reserve(shop, orderId, key)).toMatchObject({ kind: 'repeated', payment: { id: anew.payment.id } });
  });

  test('is bound to the open attempt that answers it, and not to one that must end first', async () => {
    const orderId = await orderAt(shop);
    const { payment } = await reserve(shop, orderId);
    expect(await reserve(shop, orderId, { idempotencyKey: `b of ${orderId}`, mode: 'CHECKOUT' })).toMatchObject({
      kind: 'differs',
    });
    expect(await reserve(shop, orderId, { idempotencyKey: `a of ${orderId}` })).toMatchObject({
      kind: 'open',
      payment: { id: payment.id },
    });
    await become(shop, payment, `status = 'CANCELED'`);
    expect(await reserve(shop, orderId, { idempotencyKey: `a of ${orderId}` })).toMatchObject({
      kind: 'repeated',
      payment: { id: payment.id },
    });
    expect(await reserve(shop, orderId, { idempotencyKey: `b of ${orderId}`, mode: 'CHECKOUT' })).toMatchObject({
      kind: 'made',
    });
  });
});

describe('an open attempt', () => {
  test('serves the same request, and one for anything else asks for another', async () => {
    const orderId = await orderAt(market);
    const { payment } = await reserve(market, orderId, { receiptEmail: 'ann@shop.example' });
    const kindOf = async (more: Asked): Promise<string> => (await reserve(market, orderId, more)).kind;
    expect(await kindOf({})).toBe('open');
    const others: Asked[] = [
      { amount: 10_001 },
      { currency: 'EUR' },
      { mode: 'CHECKOUT' },
      { captureMethod: 'MANUAL' },
      { receiptEmail: 'other@shop.example' },
      { savePaymentMethod: true },
      { paymentMethodId: 'pm_1', method: cardOf('ann') },
      { offSession: true },
    ];
    for (const other of others) expect(await kindOf(other), JSON.stringify(other)).toBe('differs');
    // What Stripe is processing is past its form, but not past its money.
    await become(market, payment, `status = 'PROCESSING', stripe_payment_intent_id = 'pi_' || id`);
    for (const other of others.slice(2)) expect(await kindOf(other), JSON.stringify(other)).toBe('open');
    const refused = await errorOf(reserve(market, orderId, { amount: 10_001 }));
    expect(refused).toMatchObject({ code: 'PAYMENT_IN_PROGRESS', extensions: { paymentId: payment.id } });
    expect(await codeOf(reserve(market, orderId, { currency: 'EUR' }))).toBe('PAYMENT_IN_PROGRESS');
  });

  test('that keeps a method or pays with one serves those who ask for that', async () => {
    const asks: Asked[] = [
      { savePaymentMethod: true },
      { paymentMethodId: 'pm_1', method: cardOf('ann') },
      { offSession: true },
    ];
    for (const asked of asks) {
      const orderId = await orderAt(shop);
      await reserve(shop, orderId, asked);
      expect((await reserve(shop, orderId, asked)).kind).toBe('open');
      expect((await reserve(shop, orderId)).kind).toBe('differs');
    }
  });

  test('whose saved method was declined is tried again with a key of its own alone', async () => {
    const asked: Asked = { paymentMethodId: 'pm_1', method: cardOf('ann') };
    const orderId = await orderAt(shop);
    const { payment } = await reserve(shop, orderId, asked);
    expect((await reserve(shop, orderId, { ...asked, idempotencyKey: `early of ${orderId}` })).kind).toBe('open');
    await become(shop, payment, `status = 'FAILED', stripe_payment_intent_id = 'pi_' || id`);
    expect((await reserve(shop, orderId, asked)).kind).toBe('open');
    expect((await reserve(shop, orderId, { ...asked, idempotencyKey: `again of ${orderId}` })).kind).toBe('differs');
    // The customer goes on with another card in the form.
    const form = await orderAt(shop);
    const { payment: failed } = await reserve(shop, form);
    await become(shop, failed, `status = 'FAILED', stripe_payment_intent_id = 'pi_' || id`);
    expect((await reserve(shop, form, { idempotencyKey: `again of ${form}` })).kind).toBe('open');
  });

  test('of who had the order before is ended, and is named to nobody else', async () => {
    const orderId = await orderAt(shop);
    const { payment } = await reserve(shop, orderId);
    await shop.bed.sql.query(`update public.shop_order set account_id = 'bob' where id = $1`, [orderId]);
    expect((await reserve(shop, orderId, { by: callerOf('bob') })).kind).toBe('differs');
    await become(shop, payment, `status = 'PROCESSING', stripe_payment_intent_id = 'pi_' || id`);
    const refused = await errorOf(reserve(shop, orderId, { by: callerOf('bob') }));
    expect(refused).toMatchObject({ code: 'PAYMENT_IN_PROGRESS' });
    expect(JSON.stringify((refused as { extensions?: object }).extensions ?? {})).not.toContain(payment.id);
  });

  test('of somebody else, where orders have no owner, is left to them, and known to who may read any', async () => {
    const orderId = await orderAt(market);
    const { payment } = await reserve(market, orderId);
    const refused = await errorOf(reserve(market, orderId, { by: callerOf('bob') }));
    expect(refused).toMatchObject({ code: 'PAYMENT_IN_PROGRESS', message: expect.stringContaining('Someone else') });
    expect(await reserve(market, orderId, { by: OPERATOR })).toMatchObject({
      kind: 'open',
      payment: { id: payment.id },
    });
    expect((await reserve(market, orderId)).kind).toBe('open');
  });

  test('of a recurring payment’s invoice is to be gone on with', async () => {
    const orderId = await orderAt(shop);
    const { payment } = await reserve(shop, orderId);
    await become(shop, payment, `stripe_invoice_id = 'in_' || id`);
    expect(await errorOf(reserve(shop, orderId))).toMatchObject({
      code: 'PAYMENT_IN_PROGRESS',
      extensions: { paymentId: payment.id },
    });
  });

  test('is put to the app again while the customer still has something to confirm', async () => {
    const orderId = await orderAt(shop);
    const { payment } = await reserve(shop, orderId);
    const askedIn: Record<string, boolean> = {};
    for (const status of OPEN) {
      await become(shop, payment, `status = '${status}', stripe_payment_intent_id = 'pi_' || id`);
      shop.asked.length = 0;
      expect((await reserve(shop, orderId)).kind).toBe('open');
      askedIn[status] = shop.asked.length === 1;
    }
    expect(askedIn).toEqual({
      PENDING: true,
      REQUIRES_ACTION: true,
      FAILED: true,
      PROCESSING: false,
      REQUIRES_CAPTURE: false,
    });
  });
});

describe('an attempt that is gone on with', () => {
  const review = (payment: Payment): Promise<unknown> =>
    shop.database.transaction(async (tx) => (await shop.desk.review(tx, payment))?.code);
  const resume = (payment: Payment): Promise<unknown> =>
    shop.database.transaction(async (tx) => (await shop.desk.resume(tx, payment))?.code);
  const attempt = async (): Promise<Payment> => (await reserve(shop, await orderAt(shop))).payment;
  const change = (orderId: string, set: string) =>
    shop.bed.sql.query(`update public.shop_order set ${set} where id = $1`, [orderId]);

  test.each([
    ['amount', 'amount = 7000', 'AMOUNT_MISMATCH'],
    ['currency', `currency = 'EUR'`, 'CURRENCY_MISMATCH'],
    ['owner', `account_id = 'bob'`, 'ORDER_NOT_FOUND'],
  ])('no longer fits an order of another %s, and nobody asks the app', async (_, set, code) => {
    const payment = await attempt();
    expect(await review(payment)).toBeUndefined();
    await change(payment.orderId, set);
    expect(await review(payment)).toBe(code);
    shop.asked.length = 0;
    expect(await resume(payment)).toBe(code);
    expect(shop.asked).toEqual([]);
  });

  test('counts with the keys that made it: what the order has with others is not its money', async () => {
    const payment = await attempt();
    for (const others of [{ livemode: true }, { stripe_account: 'acct_2' }]) {
      const received = { order_id: payment.orderId, status: 'SUCCESSFUL', amount_received: 10_000 };
      await shop.addPayment({ ...received, ...others });
    }
    expect(await review(payment)).toBeUndefined();
  });

  test('is never unfit once it is over, or where an invoice collects it', async () => {
    for (const set of [`status = 'CANCELED'`, `stripe_invoice_id = 'in_' || id`]) {
      const payment = await attempt();
      await change(payment.orderId, 'amount = 7000');
      await become(shop, payment, set);
      expect(await review(payment), set).toBeUndefined();
    }
  });

  test('tells of what went wrong with the database as it is, and not as its order’s fault', async () => {
    const payment = await attempt();
    const work = shop.database.transaction(async (tx) => {
      const query: typeof tx.query = (statement) =>
        tx.query(statement.name === 'payment_sum_received' ? { text: 'select 1/0' } : statement);
      return shop.desk.review({ ...tx, query }, payment);
    });
    await expect(work).rejects.toThrow('division by zero');
  });

  test('is put to the app again, with its own terms, while there is something to confirm', async () => {
    const payment = await attempt();
    const { orderId } = payment;
    for (const status of PAYMENT_STATUSES) {
      await become(shop, payment, `status = '${status}', stripe_payment_intent_id = 'pi_' || id`);
      shop.asked.length = 0;
      expect(await resume(payment), status).toBeUndefined();
      const isAsked = ['PENDING', 'REQUIRES_ACTION', 'FAILED'].includes(status);
      const terms = { orderId, amount: 10_000, currency: 'USD', accountId: 'ann', mode: 'ELEMENTS' };
      expect(shop.asked, status).toEqual(isAsked ? [terms] : []);
    }
    await become(shop, payment, `status = 'PENDING'`);
    shop.decline(true);
    expect(await codeOf(resume(payment))).toBe('DECLINED_BY_APP');
  });
});
