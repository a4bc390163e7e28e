import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StripeDeclinedError } from '../../../src/core/errors.js';
import { PAYMENT_STATUSES } from '../../../src/core/states.js';
import type { StripeConnection } from '../../../src/installation/stripe-connection.js';
import type { PaymentAttempts } from '../../../src/nouns/payments/attempts.js';
import { createPaymentEndings, type PaymentEndings } from '../../../src/nouns/payments/cancel-and-capture.js';
import type { Payment } from '../../../src/nouns/payments/row.js';
import { lockById } from '../../../src/nouns/payments/rows.js';
import { callerOf, KEYS, type Ledger, openLedger } from '../../harness/ledger.js';

const ANN = callerOf('ann');

let ledger: Ledger;
let endings: PaymentEndings;
/** What Stripe was asked for, in order. */
let asked: unknown[] = [];
/** What a payment is once Stripe was asked: columns, as SQL. */
let becomes: string;
let answer: 'done' | 'declined';
let keys: object;
/** Stripe's part: the row becomes what the test says, as a webhook would make it. */
const act =
  (name: string) =>
  async (payment: Payment, ...of: unknown[]): Promise<Payment> => {
    const amounts = of.filter((one) => typeof one === 'number');
    const { actor } = of.at(-1) as { actor: string };
    asked.push([name, payment.id, ...amounts, actor]);
    await ledger.bed.sql.query(`update tollgate.payment set ${becomes} where id = $1`, [payment.id]);
    if (answer === 'declined') throw new StripeDeclinedError('Stripe refused it.', undefined);
    return ledger.readPayment(payment);
  };
beforeAll(async () => {
  ledger = await openLedger();
  const settle = act('settle');
  const attempts = {
    cancel: act('cancel'),
    capture: act('capture'),
    settle: async (payment: Payment, who: unknown) => ({ payment: await settle(payment, who) }),
  } as unknown as PaymentAttempts;
  endings = createPaymentEndings({
    database: ledger.database,
    connection: { access: async () => keys } as unknown as StripeConnection,
    transitions: { lockById: async (tx, { id }) => (await tx.query<Payment>(lockById(id)))[0] as Payment },
    attempts,
    reads: {
      find: async (id) => {
        const [found] = await ledger.database.query<Payment>({
          text: 'select 1 as "one" from tollgate.payment where id = $1',
          values: [id],
        });
        return found ? ledger.readPayment({ id }) : null;
      },
    },
  });
});
beforeEach(() => {
  asked = [];
  becomes = `status = 'CANCELED'`;
  answer = 'done';
  keys = KEYS;
});
afterAll(() => ledger.close());

/** What it comes to: the row's status, or the code and the words of the refusal. */
const said = (work: Promise<Payment>): Promise<string> =>
  work.then(
    ({ status }) => status,
    ({ code, message }) => `${code}: ${message}`,
  );
const refused = (code: string, words = ''): unknown => expect.stringMatching(new RegExp(`^${code}: .*${words}`));
const paymentOf = (columns: object = {}): Promise<Payment> => ledger.addPayment({ account_id: 'ann', ...columns });
const held = (columns: object = {}): Promise<Payment> =>
  paymentOf({ status: 'REQUIRES_CAPTURE', capture_method: 'MANUAL', ...columns });
const cancel = ({ id }: { id: string }, idempotencyKey?: string): Promise<string> =>
  said(endings.cancelPayment({ id, ...(idempotencyKey !== undefined && { idempotencyKey }) }, ANN));
const capture = ({ id }: { id: string }, amount?: number, idempotencyKey?: string): Promise<string> =>
  said(
    endings.capturePayment(
      { id, ...(amount !== undefined && { amount }), ...(idempotencyKey !== undefined && { idempotencyKey }) },
      ANN,
    ),
  );

describe('a payment is cancelled', () => {
  test('while it is open, at Stripe, by who asked', async () => {
    const open: string[] = [];
    for (const status of PAYMENT_STATUSES) {
      const payment = await paymentOf({ status });
      asked = [];
      const came = await cancel(payment);
      if (came === 'CANCELED') open.push(status);
      else expect(came, status).toEqual(refused('ILLEGAL_TRANSITION', 'only an open one can be cancelled'));
      expect(asked, status).toEqual(came === 'CANCELED' ? [['cancel', payment.id, 'account:ann']] : []);
    }
    expect(open.sort()).toEqual(['PENDING', 'PROCESSING', 'REQUIRES_ACTION', 'REQUIRES_CAPTURE']);
  });

  test('once for a key: its answer is the payment as it is now', async () => {
    const payment = await paymentOf();
    const key = `once ${payment.id}`;
    expect([await cancel(payment, key), await cancel(payment, key), await cancel(payment, 'another')]).toEqual([
      'CANCELED',
      'CANCELED',
      refused('ILLEGAL_TRANSITION'),
    ]);
    expect(asked).toHaveLength(1);
  });

  test('again by a key whose first call did not get to its end', async () => {
    const payment = await paymentOf();
    const key = `again ${payment.id}`;
    becomes = 'version = version';
    expect(await cancel(payment, key)).toEqual(refused('ILLEGAL_TRANSITION', 'is PENDING: Stripe can.t stop it'));
    becomes = `status = 'CANCELED'`;
    expect(await cancel(payment, key)).toBe('CANCELED');
    expect(asked).toHaveLength(2);
  });

  test('or comes back as it ended meanwhile', async () => {
    becomes = `status = 'SUCCESSFUL', amount_received = amount`;
    expect(await cancel(await paymentOf())).toBe('SUCCESSFUL');
  });

  test('and is, where Stripe had refused to make it: that refusal is told only where it ended nothing', async () => {
    answer = 'declined';
    expect(await cancel(await paymentOf())).toBe('CANCELED');
    becomes = 'version = version';
    expect(await cancel(await paymentOf())).toEqual(refused('STRIPE_DECLINED'));
    becomes = `status = 'FAILED'`;
    expect(await cancel(await paymentOf())).toEqual(refused('STRIPE_DECLINED'));
  });

  test('not where it is a recurring payment’s charge, with other keys, or where there is none', async () => {
    expect(await cancel(await paymentOf({ stripe_invoice_id: `in_${Math.random()}` }))).toEqual(
      refused('ILLEGAL_TRANSITION', 'is a charge of recurring payment'),
    );
    expect(await cancel({ id: '999999' })).toEqual(refused('NOT_FOUND'));
    keys = { ...KEYS, account: 'acct_2' };
    expect(await cancel(await paymentOf())).toEqual(refused('ILLEGAL_TRANSITION', 'end it there'));
    expect(asked).toEqual([]);
  });
});

describe('held money is taken', () => {
  beforeEach(() => {
    becomes = `status = 'SUCCESSFUL', amount_received = 10000`;
  });

  test('whole, or in the part that is named', async () => {
    const whole = await held();
    expect(await capture(whole)).toBe('SUCCESSFUL');
    becomes = `status = 'SUCCESSFUL', amount_received = 4000`;
    const part = await held();
    expect(await capture(part, 4_000)).toBe('SUCCESSFUL');
    expect(asked).toEqual([
      ['capture', whole.id, 10_000, 'account:ann'],
      ['capture', part.id, 4_000, 'account:ann'],
    ]);
  });

  test.each([
    ['nothing', 0, 'takes nothing'],
    ['a cent more than is held', 10_001, 'Can.t capture 100.01 USD: 100.00 USD is held'],
  ])('not where %s is named', async (_, amount, words) => {
    expect(await capture(await held(), amount)).toEqual(refused('AMOUNT_INVALID', words));
    expect(asked).toEqual([]);
  });

  test('as its currency is charged, from its smallest step to all of it', async () => {
    expect(await capture(await held({ currency: 'KWD' }), 5)).toEqual(refused('AMOUNT_INVALID', 'multiple of 10'));
    expect(await capture(await held(), 10_000)).toBe('SUCCESSFUL');
    becomes = `status = 'SUCCESSFUL', amount_received = 1`;
    expect(await capture(await held(), 1)).toBe('SUCCESSFUL');
  });

  test('of a payment that holds some, and of no other', async () => {
    for (const status of PAYMENT_STATUSES.filter((one) => one !== 'REQUIRES_CAPTURE'))
      expect(await capture(await paymentOf({ status })), status).toEqual(
        refused('ILLEGAL_TRANSITION', 'only one that is REQUIRES_CAPTURE'),
      );
    expect(asked).toEqual([]);
    expect(await capture({ id: '999999' })).toEqual(refused('NOT_FOUND'));
    keys = { ...KEYS, livemode: true };
    expect(await capture(await held())).toEqual(refused('ILLEGAL_TRANSITION', 'end it there'));
    expect(asked).toEqual([]);
  });

  test('after Stripe was asked whether it holds it, where that is about to be heard of', async () => {
    becomes = `status = 'REQUIRES_CAPTURE'`;
    const late = await held({ status: 'PENDING' });
    expect(await capture(late)).toBe('REQUIRES_CAPTURE');
    expect(asked.map((one) => (one as string[])[0])).toEqual(['settle', 'capture']);
    // A payment that is over isn't asked about.
    asked = [];
    await capture(await held({ status: 'CANCELED' }));
    expect(asked).toEqual([]);
  });

  test('once for a key: its answer is the payment as it is now', async () => {
    const payment = await held();
    const key = `once ${payment.id}`;
    expect([await capture(payment, 10_000, key), await capture(payment, 10_000, key)]).toEqual([
      'SUCCESSFUL',
      'SUCCESSFUL',
    ]);
    expect(asked).toHaveLength(1);
    expect(await capture(payment, 4_000, key)).toEqual(refused('IDEMPOTENCY_CONFLICT'));
  });

  test('or the call is told that it was cancelled, or that another amount was taken, meanwhile', async () => {
    becomes = `status = 'CANCELED'`;
    expect(await capture(await held())).toEqual(refused('ILLEGAL_TRANSITION', 'was cancelled meanwhile'));
    becomes = `status = 'SUCCESSFUL', amount_received = 9999`;
    expect(await capture(await held())).toEqual(
      refused('ILLEGAL_TRANSITION', 'was captured meanwhile, with 99.99 USD'),
    );
    // What is not over yet is told as it is.
    becomes = `status = 'PROCESSING'`;
    expect(await capture(await held())).toBe('PROCESSING');
  });
});
