import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/caller.js';
import type { PaymentRequestData } from '../../../src/flows/payment-request.js';
import type { RecurringPrice } from '../../../src/nouns/recurring/prices.js';
import {
  createRecurringReservations,
  type RecurringReservation,
  type RecurringReserved,
} from '../../../src/nouns/recurring/reserve.js';
import type { RecurringPayment } from '../../../src/nouns/recurring/row.js';
import type { Tx } from '../../../src/storage/database.js';
import { idempotentRequest } from '../../../src/storage/idempotent-request.js';
import { callerOf, KEYS, type Ledger, openLedger } from '../../harness/ledger.js';
import { readTimeline } from '../../harness/timeline.js';
import type { TestBed } from '../../harness/tollgate.js';

let ledger: Ledger;
let bed: TestBed;
/** What the app was asked, in the order of being asked. */
let asked: PaymentRequestData[] = [];
beforeAll(async () => {
  ledger = await openLedger({ schema: 'alter table public.shop_order alter column account_id drop not null' });
  ({ bed } = ledger);
});
beforeEach(() => {
  asked = [];
});
afterAll(() => ledger.close());

const PRICE: RecurringPrice = {
  id: 'price_1',
  unitAmount: 5_000,
  currency: 'USD',
  rhythm: { interval: 'month', count: 1 },
  trialDays: 0,
};
/** Nobody whom an earlier test has met. */
const someone = (): string => `account-${Math.random().toString(36).slice(2)}`;

interface Asking {
  readonly orderId: string;
  readonly caller: Caller;
  readonly request?: Partial<RecurringReservation['request']>;
  readonly price?: Partial<RecurringPrice> | null;
  readonly method?: RecurringReservation['method'];
  readonly again?: boolean;
  readonly trialsOnce?: boolean;
}
const reservationsOf = (trialsOnce = false) =>
  createRecurringReservations({
    orders: ledger.orders,
    askApp: async (_, data) => void asked.push(data),
    trialsOnce,
  });
const reserveIn = (tx: Tx, asking: Asking): Promise<RecurringReserved> => {
  const { orderId, caller, price = {}, method, again = false } = asking;
  const request = { orderId, priceId: PRICE.id, quantity: 2, mode: 'ELEMENTS' as const, ...asking.request };
  return reservationsOf(asking.trialsOnce).reserve(tx, {
    request,
    caller,
    access: KEYS,
    actor: 'somebody',
    method,
    idempotency: idempotentRequest(caller, 'initiateRecurringPayment', request),
    price: price === null ? undefined : { ...PRICE, ...price },
    again,
  });
};
const reserve = (asking: Asking): Promise<RecurringReserved> =>
  ledger.database.transaction((tx) => reserveIn(tx, asking));
/** The kind, and which row; undefined where the price is to be read first. */
const kindOf = async (reserving: Promise<RecurringReserved>): Promise<[string, string | undefined]> => {
  const reserved = await reserving;
  return [reserved.kind, reserved.kind === 'price' ? undefined : reserved.recurringPayment.id];
};
const refusalOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
/** A new one of a new account's order. */
const begin = async (given: Omit<Asking, 'orderId' | 'caller'> = {}, account = someone()) => {
  const caller = callerOf(account);
  const orderId = await bed.createOrder({ account });
  const reserved = await reserve({ orderId, caller, ...given });
  if (reserved.kind === 'price') throw new Error('a price was given');
  asked = [];
  return { orderId, caller, account, row: reserved.recurringPayment };
};
const write = (id: string, columns: string) =>
  bed.sql.query(`update tollgate.recurring_payment set ${columns} where id = $1`, [id]);
const countOf = async (orderId: string): Promise<number> =>
  (await bed.sql.query('select from tollgate.recurring_payment where order_id = $1', [orderId])).rows.length;

describe('whose order it is', () => {
  test('is asked before Stripe: its owner’s, or of who may read any', async () => {
    const owner = someone();
    const orderId = await bed.createOrder({ account: owner });
    const check = (caller: Caller, id = orderId) =>
      refusalOf(reservationsOf().check({ orderId: id, priceId: PRICE.id, quantity: 2, mode: 'ELEMENTS' }, caller));
    expect(await check(callerOf(owner))).toBe('none');
    expect(await check(callerOf('clerk', 'RECURRING_READ_ANY'))).toBe('none');
    expect(await check(callerOf('stranger', 'PAYMENT_READ_ANY'))).toBe('ORDER_NOT_FOUND');
    expect(await check(callerOf(owner), '987654')).toBe('ORDER_NOT_FOUND');
  });

  test('is asked again under its lock, and nothing is written for a stranger', async () => {
    const orderId = await bed.createOrder({ account: someone() });
    const caller = callerOf('stranger', 'PAYMENT_READ_ANY');
    expect(await refusalOf(reserve({ orderId, caller }))).toBe('ORDER_NOT_FOUND');
    expect([await countOf(orderId), asked]).toEqual([0, []]);
  });

  test('nobody’s order is the caller’s, who must be somebody', async () => {
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into public.shop_order (amount, currency) values (10000, 'USD') returning id::text`,
    );
    const orderId = rows[0]?.id ?? '';
    const nobody = callerOf(null, 'RECURRING_READ_ANY');
    const request = { orderId, priceId: PRICE.id, quantity: 2, mode: 'ELEMENTS' as const };
    expect(await refusalOf(reservationsOf().check(request, nobody))).toBe('UNAUTHENTICATED');
    expect(await refusalOf(reserve({ orderId, caller: nobody }))).toBe('UNAUTHENTICATED');
    const account = someone();
    const reserved = await reserve({ orderId, caller: callerOf(account, 'RECURRING_READ_ANY') });
    expect(reserved).toMatchObject({ kind: 'made', recurringPayment: { accountId: account } });
  });
});

describe('a new one', () => {
  test('is made for the order’s owner, whoever begins it, with what was asked for, and the app is asked', async () => {
    const account = someone();
    const orderId = await bed.createOrder({ account });
    const caller = callerOf('clerk', 'RECURRING_READ_ANY', 'PAYMENT_MANAGE');
    const addresses = { successUrl: 'https://shop.example/thanks', cancelUrl: 'https://shop.example/back' };
    const method = { accountId: account } as NonNullable<RecurringReservation['method']>;
    const reserved = await reserve({ orderId, caller, method, request: { ...addresses, paymentMethodId: 'pm_1' } });
    expect(reserved).toMatchObject({
      kind: 'made',
      recurringPayment: {
        orderId,
        accountId: account,
        priceId: PRICE.id,
        quantity: 2,
        status: 'INCOMPLETE',
        mode: 'ELEMENTS',
        initialAmount: 10_000,
        currency: 'USD',
        livemode: false,
        stripeAccount: KEYS.account,
        savedMethodId: 'pm_1',
        trialDays: 0,
        trialPriceId: null,
        ...addresses,
      },
    });
    expect(asked).toEqual([{ orderId, amount: 10_000, currency: 'USD', accountId: account, mode: 'ELEMENTS' }]);
    const { id } = (reserved as { recurringPayment: RecurringPayment }).recurringPayment;
    const columns = 'version, from_status, to_status, actor';
    expect(await readTimeline(bed, { type: 'RECURRING_PAYMENT', id }, { columns })).toEqual([
      [1, null, 'INCOMPLETE', 'somebody'],
    ]);
  });

  test('is made without addresses and a saved method where none are given', async () => {
    expect((await begin()).row).toMatchObject({ successUrl: null, cancelUrl: null, savedMethodId: null });
  });

  test('needs the price first, and writes nothing without it', async () => {
    const account = someone();
    const orderId = await bed.createOrder({ account });
    expect(await kindOf(reserve({ orderId, caller: callerOf(account), price: null }))).toEqual(['price', undefined]);
    expect([await countOf(orderId), asked]).toEqual([0, []]);
  });

  test('is refused for a saved method of another account, and for another amount than is due', async () => {
    const account = someone();
    const orderId = await bed.createOrder({ account });
    const caller = callerOf(account);
    const method = { accountId: 'other' } as NonNullable<RecurringReservation['method']>;
    const byMethod = reserve({ orderId, caller, method, request: { paymentMethodId: 'pm_1' } });
    expect(await refusalOf(byMethod)).toBe('PAYMENT_METHOD_NOT_FOUND');
    expect(await refusalOf(reserve({ orderId, caller, request: { quantity: 1 } }))).toBe('AMOUNT_MISMATCH');
    expect([await countOf(orderId), asked]).toEqual([0, []]);
  });

  test.each([
    ['a one-off payment', null, 'A one-off payment'],
    ['an invoice', 'in_', 'a charge of recurring payment'],
  ])('is refused while %s of the order is open, which is named', async (_, invoice, words) => {
    const account = someone();
    const orderId = await bed.createOrder({ account });
    const open = await ledger.addPayment({
      order_id: orderId,
      account_id: account,
      stripe_invoice_id: invoice && `${invoice}${orderId}`,
    });
    await expect(reserve({ orderId, caller: callerOf(account) })).rejects.toMatchObject({
      code: 'PAYMENT_IN_PROGRESS',
      message: expect.stringContaining(words),
      extensions: { paymentId: open.id },
    });
    expect([await countOf(orderId), asked]).toEqual([0, []]);
  });
});

describe('an account has one currency', () => {
  const inEuros = async (account: string): Promise<Asking> => ({
    orderId: await bed.createOrder({ account, currency: 'EUR' }),
    caller: callerOf(account),
    price: { currency: 'EUR' },
  });

  test('while one of its recurring payments lives: another currency is refused, the same one is not', async () => {
    const { account, row } = await begin();
    const asking = await inEuros(account);
    expect(await refusalOf(reserve(asking))).toBe('CURRENCY_MISMATCH');
    expect([await countOf(asking.orderId), asked]).toEqual([0, []]);
    await begin({}, account);
    await bed.sql.query(`update tollgate.recurring_payment set status = 'CANCELED' where account_id = $1`, [account]);
    expect(await kindOf(reserve(asking))).toEqual(['made', expect.not.stringMatching(`^${row.id}$`)]);
  });

  test('also where two begin at once', async () => {
    const account = someone();
    const [orderId, asking] = [await bed.createOrder({ account }), await inEuros(account)];
    let second: Promise<unknown> = Promise.resolve();
    await ledger.database.transaction(async (tx) => {
      await reserveIn(tx, { orderId, caller: callerOf(account) });
      second = refusalOf(reserve(asking));
      // It has to wait for this one's end: what it may not overtake isn't seen before.
      await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 150))]);
    });
    expect(await second).toBe('CURRENCY_MISMATCH');
  });
});

describe('a trial', () => {
  const trialOf = async (account: string, trialsOnce: boolean, id = PRICE.id) => {
    const { row } = await begin({ price: { trialDays: 1, id }, request: { priceId: id }, trialsOnce }, account);
    return [row.trialDays, row.trialPriceId];
  };

  test('is the price’s each time, where accounts get it each time', async () => {
    const account = someone();
    expect([await trialOf(account, false), await trialOf(account, false)]).toEqual([
      [1, PRICE.id],
      [1, PRICE.id],
    ]);
  });

  test('is had once per account and price, where the operator wants it so', async () => {
    const account = someone();
    expect(await trialOf(account, true)).toEqual([1, PRICE.id]);
    expect(await trialOf(account, true)).toEqual([0, null]);
    expect(await trialOf(account, true, 'price_2')).toEqual([1, 'price_2']);
    expect(await trialOf(someone(), true)).toEqual([1, PRICE.id]);
  });
});

describe('the one that lives', () => {
  const method = (account: string) => ({ accountId: account }) as NonNullable<RecurringReservation['method']>;

  test('serves whoever asks for the same, needs no price, and the app is asked again while it hasn’t begun', async () => {
    const { orderId, caller, account, row } = await begin();
    expect(await kindOf(reserve({ orderId, caller, price: null }))).toEqual(['live', row.id]);
    expect(asked).toEqual([{ orderId, amount: 10_000, currency: 'USD', accountId: account, mode: 'ELEMENTS' }]);
  });

  test('serves a request of another mode or method once it has begun, and the app isn’t asked', async () => {
    const { orderId, caller, account, row } = await begin();
    await write(row.id, `status = 'ACTIVE'`);
    expect(await kindOf(reserve({ orderId, caller, request: { mode: 'CHECKOUT' } }))).toEqual(['live', row.id]);
    const request = { paymentMethodId: 'pm_1' };
    expect(await kindOf(reserve({ orderId, caller, request, method: method(account) }))).toEqual(['live', row.id]);
    expect(asked).toEqual([]);
  });

  test('ends first where it hasn’t begun, and begins in another mode or with another method than is asked for', async () => {
    const account = someone();
    const saved = { request: { paymentMethodId: 'pm_1' }, method: method(account) };
    const { orderId, caller, row } = await begin(saved, account);
    const kind = (request: object) => kindOf(reserve({ orderId, caller, request, method: method(account) }));
    expect(await kind({ paymentMethodId: 'pm_1' })).toEqual(['live', row.id]);
    expect(await kind({})).toEqual(['live', row.id]);
    asked = [];
    expect(await kind({ paymentMethodId: 'pm_2' })).toEqual(['differs', row.id]);
    expect(await kind({ mode: 'CHECKOUT' })).toEqual(['differs', row.id]);
    expect(await kind({ mode: 'CHECKOUT', paymentMethodId: 'pm_1' })).toEqual(['differs', row.id]);
    expect([asked, await countOf(orderId)]).toEqual([[], 1]);
  });

  test('stands against another price and another quantity', async () => {
    const { orderId, caller } = await begin();
    for (const request of [{ priceId: 'price_2' }, { quantity: 1 }])
      expect(await refusalOf(reserve({ orderId, caller, request }))).toBe('RECURRING_ALREADY_EXISTS');
  });

  test('of who had the order before stands against its new owner, and serves who may read any', async () => {
    const { orderId, row } = await begin();
    const owner = someone();
    await bed.sql.query('update public.shop_order set account_id = $2 where id = $1', [orderId, owner]);
    expect(await refusalOf(reserve({ orderId, caller: callerOf(owner) }))).toBe('RECURRING_ALREADY_EXISTS');
    const clerk = callerOf('clerk', 'RECURRING_READ_ANY');
    expect(await kindOf(reserve({ orderId, caller: clerk }))).toEqual(['live', row.id]);
  });
});

describe('a key', () => {
  const KEY = { request: { idempotencyKey: 'k' } };

  test('gives the row that it made, also once that has ended, until this call itself begins anew', async () => {
    const { orderId, caller, row } = await begin(KEY);
    await write(row.id, `status = 'CANCELED'`);
    expect(await kindOf(reserve({ orderId, caller, ...KEY }))).toEqual(['repeated', row.id]);
    const [kind, id] = await kindOf(reserve({ orderId, caller, ...KEY, again: true }));
    expect([kind, id]).toEqual(['made', expect.not.stringMatching(`^${row.id}$`)]);
    expect(await kindOf(reserve({ orderId, caller, ...KEY }))).toEqual(['repeated', id]);
  });

  test('gives the living row that served it', async () => {
    const { orderId, caller, row } = await begin();
    expect(await kindOf(reserve({ orderId, caller, ...KEY }))).toEqual(['live', row.id]);
    expect(await kindOf(reserve({ orderId, caller, ...KEY }))).toEqual(['repeated', row.id]);
  });
});
