import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Flows, RecurringCharge } from '../../../src/flows/flows.js';
import { countFlowFailures } from '../../../src/flows/owed.js';
import type { RecurringPayment } from '../../../src/nouns/recurring/row.js';
import { decideAmount } from '../../../src/nouns/renewals/decide.js';
import type { Renewal } from '../../../src/nouns/renewals/row.js';
import { createDatabase, type Database } from '../../../src/storage/database.js';
import type { InvoiceSnapshot } from '../../../src/stripe/invoice-snapshot.js';
import { createTestDatabase, type TestDatabase } from '../../harness/postgres.js';

let made: TestDatabase;
let plain: Database;
let database: Database;
let warned: object[] = [];
const log = { info: () => undefined, warn: (detail: object) => void warned.push(detail) };
beforeAll(async () => {
  made = await createTestDatabase();
  plain = createDatabase({ url: made.url, poolSize: 2 });
  database = countFlowFailures(plain, log);
});
beforeEach(() => {
  warned = [];
});
afterAll(async () => {
  await plain.close();
  await made.drop();
});

const START = new Date('2026-03-01T00:00:00Z');
const AFTER = new Date('2026-03-01T00:00:01Z');
const BODY = { source: 'FETCH', object: {} } as const;
/** An invoice of 100.00 USD for the period that begins at START. */
const invoice = (given: Partial<InvoiceSnapshot> = {}): InvoiceSnapshot =>
  ({
    invoiceId: `in_${Math.random().toString(36).slice(2)}`,
    status: 'draft',
    isCycle: true,
    total: 10_000,
    currency: 'USD',
    line: { priceId: 'price_new', amount: 20_000 },
    periodStart: START,
    periodEnd: new Date('2026-04-01T00:00:00Z'),
    ...given,
  }) as InvoiceSnapshot;
const RECURRING = {
  id: '1',
  orderId: '7',
  initialAmount: 10_000,
  agreedAmount: null,
  pendingPriceId: null,
  pendingAt: null,
} as RecurringPayment;

const INSERT = {
  text: `insert into tollgate.recurring_payment (order_id, price_id, initial_amount, currency, livemode, stripe_account, status)
    values (nextval('tollgate.node_id'), 'price_1', 10000, 'USD', false, 'acct_1', 'CANCELED') returning id::text`,
};

/** What is asked of the flow. */
let asked: RecurringCharge[] = [];
type Amount = (charge: RecurringCharge) => number | undefined;
const flowsOf = (amount: Amount | undefined): Flows =>
  ({
    recurringCharge: {
      createOrder: () => '1',
      ...(amount && {
        amount: (charge: RecurringCharge) => {
          asked.push(charge);
          return amount(charge);
        },
      }),
    },
    effects: new Map(),
  }) as unknown as Flows;
const decide = async (
  amount: Amount | undefined,
  of: InvoiceSnapshot = invoice(),
  given: Partial<RecurringPayment> = {},
): Promise<Renewal | undefined> => {
  const [row] = await plain.query<{ id: string }>(INSERT);
  const recurring = { ...RECURRING, id: row?.id ?? '', ...given };
  const flows = flowsOf(amount);
  asked = [];
  return database.transaction((tx) =>
    decideAmount({ tx, flows, log }, recurring, {
      invoice: of,
      cause: { actor: 'job', body: BODY, current: true },
    }),
  );
};
const rowOf = async ({ invoiceId }: InvoiceSnapshot) =>
  (
    await plain.query({
      text: `select decided_at is not null as "isDecided", decided_amount as decided, original_amount as original,
        problem, problem_amount as wanted, due_at < now() + interval '1 minute' as "isDueSoon"
        from tollgate.renewal where stripe_invoice_id = $1`,
      values: [invoiceId],
    })
  )[0];
const LEFT = { isDecided: true, decided: null, original: 10_000, problem: null, wanted: null, isDueSoon: null };
const refused = (problem: string, wanted: number | null, original = 10_000) => ({ ...LEFT, original, problem, wanted });
const lowered = (decided: number, original = 10_000) => ({ ...LEFT, original, decided, isDueSoon: true });

test('the flow is told of the charge once, and what it lowers it to is written and goes on at once', async () => {
  const of = invoice();
  expect(await decide(() => 7_500, of)).toMatchObject({
    stripeInvoiceId: of.invoiceId,
    decidedAmount: 7_500,
    originalAmount: 10_000,
  });
  expect(asked).toEqual([
    {
      invoiceId: of.invoiceId,
      recurringPayment: { ...RECURRING, id: expect.any(String) },
      orderId: '7',
      amount: 10_000,
      currency: 'USD',
      initialAmount: 10_000,
      agreedAmount: 10_000,
      periodStart: of.periodStart,
      periodEnd: of.periodEnd,
      body: BODY,
    },
  ]);
  expect(await rowOf(of)).toEqual(lowered(7_500));
  expect(await decide(() => 5_000, of)).toBeUndefined();
  expect([asked, await rowOf(of)]).toEqual([[], lowered(7_500)]);
});

test.each([
  ['nothing', undefined],
  ['the amount that it has', 10_000],
])('a flow that wants %s leaves the invoice alone, and isn’t asked again', async (_, wanted) => {
  const of = invoice();
  expect(await decide(() => wanted, of)).toBeUndefined();
  expect([asked.length, await rowOf(of)]).toEqual([1, LEFT]);
  expect(await decide(() => 5_000, of)).toBeUndefined();
  expect([asked, await rowOf(of), warned]).toEqual([[], LEFT, []]);
});

test.each<[string, Partial<InvoiceSnapshot>, number | undefined]>([
  ['of a change within a period', { isCycle: false }, 5_000],
  ['that was voided', { status: 'void' }, 5_000],
  ['where no flow decides amounts', {}, undefined],
])('an invoice %s is not decided about', async (_, given, wanted) => {
  const of = invoice(given);
  expect(await decide(wanted === undefined ? undefined : () => wanted, of)).toBeUndefined();
  expect([asked, await rowOf(of)]).toEqual([[], undefined]);
});

describe('a charge', () => {
  test.each([
    [0, 'USD'],
    [50, 'USD'],
    [9_999, 'USD'],
    [9_990, 'KWD'],
  ])('may be lowered to %s in %s', async (wanted, currency) => {
    const of = invoice({ currency });
    expect(await decide(() => wanted, of)).toMatchObject({ decidedAmount: wanted });
    expect([await rowOf(of), warned]).toEqual([lowered(wanted), []]);
  });

  test.each([
    ['less than nothing', -1, 'USD', 'UNCHARGEABLE', -1],
    ['a cent', 1, 'USD', 'UNCHARGEABLE', 1],
    ['a cent less than Stripe charges', 49, 'USD', 'UNCHARGEABLE', 49],
    ['no whole number', 0.5, 'USD', 'UNCHARGEABLE', null],
    ['no number', Number.NaN, 'USD', 'UNCHARGEABLE', null],
    ['a number too large to be exact', 2 ** 53, 'USD', 'UNCHARGEABLE', null],
    ['a digit that the currency doesn’t take', 9_995, 'KWD', 'UNCHARGEABLE', 9_995],
    ['more than it comes to', 10_001, 'USD', 'ABOVE_FIRST', 10_001],
  ])('stays as it is, and there is a problem, where the flow wants %s', async (_, wanted, currency, problem, told) => {
    const of = invoice({ currency });
    expect(await decide(() => wanted, of)).toBeUndefined();
    expect(await rowOf(of)).toEqual(refused(problem, told));
    expect(warned).toEqual([{ invoiceId: of.invoiceId, wanted, agreed: 10_000, fault: problem }]);
  });
});

describe('the most that a charge may come to', () => {
  const isMost = async (most: number, given: Partial<RecurringPayment>, more: Partial<InvoiceSnapshot> = {}) => {
    const [fits, exceeds] = [invoice({ total: 50_000, ...more }), invoice({ total: 50_000, ...more })];
    await decide(() => most, fits, given);
    expect(asked).toMatchObject([{ agreedAmount: most }]);
    await decide(() => most + 1, exceeds, given);
    expect([await rowOf(fits), await rowOf(exceeds)]).toEqual([
      lowered(most, 50_000),
      refused('ABOVE_FIRST', most + 1, 50_000),
    ]);
  };
  const DUE = { pendingPriceId: 'price_new', pendingAt: START };

  test('is what was agreed on last, else the first amount', async () => {
    await isMost(10_000, {});
    await isMost(12_000, { agreedAmount: 12_000 });
    await isMost(8_000, { agreedAmount: 8_000 });
  });

  test('is what the period’s line says where a change to its price begins with the period, or began before', async () => {
    await isMost(20_000, DUE);
    await isMost(20_000, DUE, { periodStart: AFTER });
  });

  test.each([
    ['the change begins later', { ...DUE, pendingAt: AFTER }, {}],
    ['no change waits', { pendingPriceId: null, pendingAt: null }, {}],
    ['no change waits and no price is named', {}, { line: { priceId: null, amount: 20_000 } }],
    ['the period is of another price', DUE, { line: { priceId: 'price_old', amount: 20_000 } }],
    ['the invoice has no line', DUE, { line: null }],
    ['the invoice has no period', DUE, { periodStart: null }],
  ])('is as before where %s', async (_, given, more) => {
    await isMost(10_000, given, more);
  });
});

describe('a flow that fails', () => {
  const fail = () => {
    throw new Error('no answer');
  };
  /** Lets it fail three times for this invoice while that is a draft. */
  const failThrice = async (of: InvoiceSnapshot): Promise<void> => {
    for (let round = 0; round < 3; round += 1)
      await expect(decide(fail, of)).rejects.toThrow('recurring-charge failed');
  };

  test('is counted for its invoice and decides nothing; a draft waits for it however often', async () => {
    const of = invoice();
    await failThrice(of);
    const failures = await plain.query({
      text: 'select flow, node_type, order_id, to_status, tries from tollgate.flow_failure where node_id = $1',
      values: [of.invoiceId],
    });
    expect([failures, await rowOf(of)]).toEqual([
      [{ flow: 'recurring-charge', node_type: 'RENEWAL', order_id: '7', to_status: 'AMOUNT', tries: 3 }],
      undefined,
    ]);
    expect(await decide(() => 5_000, of)).toMatchObject({ decidedAmount: 5_000 });
  });

  test('is not waited for once the invoice was charged: that is a problem', async () => {
    const of = invoice();
    await failThrice(of);
    const charged = { ...of, status: 'open' as const };
    expect(await decide(() => 5_000, charged)).toBeUndefined();
    expect([asked, await rowOf(of)]).toEqual([[], refused('FLOW_FAILED', null)]);
  });

  test('less often than that is asked, although the invoice was charged', async () => {
    const of = invoice({ status: 'open' });
    await expect(decide(fail, of)).rejects.toThrow('recurring-charge failed');
    expect(await decide(() => 5_000, of)).toMatchObject({ decidedAmount: 5_000 });
  });
});
