import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AskedCharge, assertCost, assertDue, assertPayable, chargeOf } from '../../../src/nouns/payments/due.js';
import type { Order } from '../../../src/orders/orders.js';
import { KEYS, type Ledger, openLedger } from '../../harness/ledger.js';

/** What is given otherwise; undefined: that column isn't bound. */
type Given = { readonly [Column in keyof Omit<Order, 'id'>]?: Order[Column] | undefined };
const FREE: Given = { amount: undefined, currency: undefined };

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

/** An order of 100.00 USD, what it has received, and what of it is given otherwise. */
const orderOf = async (given: Given = {}, ...received: [amount: number, currency?: string][]): Promise<Order> => {
  const id = await ledger.bed.createOrder();
  for (const [amount, currency = 'USD'] of received)
    await ledger.addPayment({ order_id: id, status: 'SUCCESSFUL', amount, amount_received: amount, currency });
  return { id, amount: '10000', currency: 'USD', ...given } as Order;
};
/** What it gives, or the code and the words that it is refused with. */
const said = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
};
const charge = (order: Order, asked: AskedCharge = {}) =>
  said(() => chargeOf(ledger.database, order, { ...asked, scope: KEYS }));
const payable = (order: Order, asked: AskedCharge = {}) => said(() => assertPayable(ledger.database, order, asked));
const due = (order: Order, amount: number, currency = 'USD') =>
  said(() => assertDue(ledger.database, order, { amount, currency, scope: KEYS }));
const cost = (order: Order, amount: number, currency = 'USD') => said(() => assertCost(order, { amount, currency }));
const refused = (code: string, words = '') => expect.stringMatching(new RegExp(`^${code}: .*${words}`));

describe('what is charged', () => {
  test('is what is due, where the request leaves it out', async () => {
    expect(await charge(await orderOf())).toEqual({ amount: 10_000, currency: 'USD' });
    expect(await charge(await orderOf({ currency: 'EUR' }), { currency: 'eur' })).toEqual({
      amount: 10_000,
      currency: 'EUR',
    });
    expect(await charge(await orderOf({}, [4_000]))).toEqual({ amount: 6_000, currency: 'USD' });
    expect(await charge(await orderOf({ amount: '50' }))).toEqual({ amount: 50, currency: 'USD' });
  });

  test('is what the request names where that is due, and nothing else', async () => {
    expect(await charge(await orderOf(), { amount: 10_000 })).toEqual({ amount: 10_000, currency: 'USD' });
    expect(await charge(await orderOf({}, [4_000]), { amount: 6_000 })).toEqual({ amount: 6_000, currency: 'USD' });
    expect(await charge(await orderOf(), { amount: 9_999 })).toEqual(
      refused('AMOUNT_MISMATCH', 'costs 100.00 USD .10000., not 9999'),
    );
    expect(await charge(await orderOf({}, [4_000]), { amount: 10_000 })).toEqual(
      refused('AMOUNT_MISMATCH', 'of which 60.00 USD .6000. is due'),
    );
  });

  test('is named by the request where the order says nothing of it', async () => {
    const order = await orderOf(FREE);
    expect(await charge(order, { amount: 700, currency: 'usd' })).toEqual({ amount: 700, currency: 'USD' });
    expect(await charge(order, { amount: 700 })).toEqual(refused('BAD_USER_INPUT', 'currency must be given'));
    expect(await charge(order, { currency: 'USD' })).toEqual(refused('BAD_USER_INPUT', 'amount must be given'));
    expect(await charge({ ...order, currency: null }, { amount: 700 })).toEqual(
      refused('CURRENCY_MISMATCH', 'no currency yet'),
    );
    expect(await charge(order, { amount: 49, currency: 'USD' })).toEqual(
      refused('AMOUNT_INVALID', 'below the smallest charge'),
    );
  });

  test('is never nothing: an order that has its money is paid, to the cent', async () => {
    expect(await charge(await orderOf({}, [10_000]))).toEqual(refused('ORDER_ALREADY_PAID'));
    expect(await charge(await orderOf({}, [10_001]))).toEqual(refused('ORDER_ALREADY_PAID'));
    expect(await charge(await orderOf({}, [10_000]), { amount: 10_000 })).toEqual(refused('ORDER_ALREADY_PAID'));
    // One cent is due, which no card can be charged.
    expect(await charge(await orderOf({}, [9_999]))).toEqual(refused('AMOUNT_INVALID', 'below the smallest charge'));
  });
});

describe('what can be refused before the keys are asked', () => {
  test('is more than the order costs, and less of one that has received nothing', async () => {
    const order = await orderOf();
    const wrong = refused('AMOUNT_MISMATCH', 'costs 100.00 USD .10000., not');
    expect(await Promise.all([10_000, 10_001, 9_999].map((amount) => payable(order, { amount })))).toEqual([
      undefined,
      wrong,
      wrong,
    ]);
    const begun = await orderOf({}, [1]);
    expect(await Promise.all([10_000, 10_001, 9_999].map((amount) => payable(begun, { amount })))).toEqual([
      undefined,
      wrong,
      undefined,
    ]);
    expect(await payable(order)).toBeUndefined();
  });

  test('is a request that leaves out what no column says, never one that says it', async () => {
    const order = await orderOf(FREE);
    expect(await payable(order, { currency: 'USD' })).toEqual(refused('BAD_USER_INPUT', 'amount must be given'));
    expect(await payable(order, { amount: 1, currency: 'USD' })).toBeUndefined();
  });

  test('is an order without an amount, or with one of more digits than its currency, whatever is asked', async () => {
    expect(await payable(await orderOf({ amount: null }))).toEqual(refused('AMOUNT_MISMATCH', 'no amount yet'));
    expect(await payable(await orderOf({ amount: '10.5' }))).toEqual(
      refused('AMOUNT_INVALID', '10.5 of the smallest unit of USD'),
    );
    expect(
      await payable(await orderOf({ amount: '10.5', currency: undefined }), { amount: 10, currency: 'USD' }),
    ).toEqual(refused('AMOUNT_INVALID', 'unit of its currency'));
  });

  test('is another currency than the order’s', async () => {
    expect(await payable(await orderOf(), { currency: 'EUR' })).toEqual(
      refused('CURRENCY_MISMATCH', 'is in USD, not in EUR'),
    );
    expect(await payable(await orderOf({ currency: null }), { currency: 'EUR' })).toEqual(
      refused('CURRENCY_MISMATCH', 'is in no currency, not in EUR'),
    );
  });
});

describe('a charge is due', () => {
  test('where it is exactly what is left, or where no amount is bound', async () => {
    const order = await orderOf({}, [4_000]);
    expect(await Promise.all([6_000, 5_999].map((amount) => due(order, amount)))).toEqual([
      undefined,
      refused('AMOUNT_MISMATCH'),
    ]);
    expect(await due(await orderOf({ amount: undefined }, [4_000]), 1)).toBeUndefined();
    expect(await due(await orderOf({}, [9_999]), 2)).toEqual(refused('AMOUNT_MISMATCH', '.1. is due'));
    expect(await due(await orderOf({}, [10_000]), 2)).toEqual(refused('ORDER_ALREADY_PAID'));
    expect(await due(await orderOf({}, [10_000]), 0)).toBeUndefined();
  });

  test('in no other currency than that of money which the order has and keeps', async () => {
    const order = await orderOf({ currency: undefined }, [4_000, 'EUR']);
    expect(await due(order, 10_000, 'USD')).toEqual(
      refused('CURRENCY_MISMATCH', 'has received 40.00 EUR: refund that before it is paid in USD'),
    );
    expect(await due(order, 6_000, 'EUR')).toBeUndefined();
    await ledger.bed.sql.query('update tollgate.payment set amount_refunded = 4000 where order_id = $1', [order.id]);
    expect(await due(order, 10_000, 'USD')).toBeUndefined();
    // One cent that was kept is still the order's.
    await ledger.bed.sql.query('update tollgate.payment set amount_refunded = 3999 where order_id = $1', [order.id]);
    expect(await due(order, 10_000, 'USD')).toEqual(refused('CURRENCY_MISMATCH', '0.01 EUR'));
  });

  test('whatever was received with other keys', async () => {
    const order = await orderOf({}, [4_000]);
    const other = (scope: object) =>
      said(() => assertDue(ledger.database, order, { amount: 10_000, currency: 'USD', scope: { ...KEYS, ...scope } }));
    expect(await Promise.all([other({}), other({ livemode: true }), other({ account: 'acct_2' })])).toEqual([
      refused('AMOUNT_MISMATCH'),
      undefined,
      undefined,
    ]);
  });
});

test('terms are the order’s own, whatever it has received', async () => {
  const order = await orderOf({}, [4_000]);
  expect(await cost(order, 10_000)).toBeUndefined();
  expect(await cost(order, 6_000)).toEqual(
    refused('AMOUNT_MISMATCH', 'costs 100.00 USD .10000., not 6000: bring the order to the new terms'),
  );
  expect(await cost(order, 10_000, 'EUR')).toEqual(refused('CURRENCY_MISMATCH'));
  expect(await cost(await orderOf(FREE), 6_000, 'EUR')).toBeUndefined();
  expect(await cost({ ...order, amount: null }, 6_000)).toEqual(refused('AMOUNT_MISMATCH', 'no amount yet'));
});
