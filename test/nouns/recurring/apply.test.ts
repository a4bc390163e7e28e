import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Flows, RecurringPaymentCallbackData } from '../../../src/flows/flows.js';
import { createRecurringTransitions, type RecurringTransitions } from '../../../src/nouns/recurring/apply.js';
import type { RecurringPayment } from '../../../src/nouns/recurring/row.js';
import type { Tx } from '../../../src/storage/database.js';
import type { SubscriptionSnapshot } from '../../../src/stripe/subscription-snapshot.js';
import { createToldFlow, type Ledger, NO_LOG, openLedger, type ToldFlow } from '../../harness/ledger.js';
import { readTimeline } from '../../harness/timeline.js';
import type { TestBed } from '../../harness/tollgate.js';

let ledger: Ledger;
let bed: TestBed;
let told: ToldFlow<RecurringPaymentCallbackData>;
beforeAll(async () => {
  ledger = await openLedger();
  ({ bed } = ledger);
});
beforeEach(() => {
  told = createToldFlow();
});
afterAll(() => ledger.close());

/** In unix seconds: what was seen, and what the database's clock says. */
const SEEN = 1_800_000_000;
const NOW = SEEN + 1_000;
const dateOf = (seconds: number): Date => new Date(seconds * 1_000);
const [MONTH, LATER] = [dateOf(SEEN + 2_000_000), dateOf(SEEN + 3_000_000)];

const transitionsOf = (duplicates: 'skip' | 'deliver' = 'skip'): RecurringTransitions =>
  createRecurringTransitions({
    orders: ledger.orders,
    flows: {
      recurringPaymentCallback: { duplicates, run: told.run },
      effects: new Map(),
    } as unknown as Flows,
    log: NO_LOG,
  });
let made = 0;
/** One of an order of its own that runs, with these columns otherwise. */
const running = (columns: Readonly<Record<string, unknown>> = {}): Promise<RecurringPayment> => {
  made += 1;
  const seen = { stripe_subscription_id: `sub_${made}`, current_period_end: MONTH, seen_at: dateOf(SEEN) };
  return ledger.addRecurring({ ...seen, ...columns });
};
/** The subscription of a row, or the one that it is to have. */
const subscriptionOf = ({ id, stripeSubscriptionId }: RecurringPayment): string =>
  stripeSubscriptionId ?? `sub_new_${id}`;
/** What Stripe says where nothing changed since. */
const sameAs = (row: RecurringPayment): SubscriptionSnapshot => ({
  subscriptionId: subscriptionOf(row),
  customerId: 'cus_1',
  status: row.status,
  priceId: row.priceId,
  quantity: row.quantity,
  amount: 10_000,
  currency: 'USD',
  cancelAtPeriodEnd: row.cancelAtPeriodEnd,
  cancelAt: row.cancelAt && new Date(row.cancelAt),
  canceledAt: row.canceledAt && new Date(row.canceledAt),
  endedAt: row.endedAt && new Date(row.endedAt),
  collectionPaused: row.collectionPaused,
  currentPeriodEnd: row.currentPeriodEnd && new Date(row.currentPeriodEnd),
  pending: undefined,
  livemode: false,
  owner: undefined,
  at: SEEN + 1,
});
const EVENT = { actor: 'stripe', eventId: 'evt_1', body: { source: 'EVENT', object: {} }, current: false } as const;
/** The transaction with a clock that stands still. */
const at = (tx: Tx, seconds: number): Tx => ({
  query: async (statement) =>
    statement.name === 'clock_read' ? ([{ now: dateOf(seconds) }] as never) : tx.query(statement),
  send: (statement) => tx.send(statement),
  afterCommit: (work) => tx.afterCommit(work),
});
interface Told {
  readonly actor?: string;
  readonly eventId?: string | undefined;
  readonly duplicates?: 'skip' | 'deliver';
  readonly now?: number;
}
/** Applies what Stripe says, the same but for this, and gives the row as it is then. */
const tell = async (
  row: RecurringPayment,
  change: Partial<SubscriptionSnapshot> = {},
  { duplicates, now = NOW, ...cause }: Told = {},
): Promise<{ kind: string; row: RecurringPayment }> => {
  const { kind, recurringPayment } = await ledger.database.transaction((tx) =>
    transitionsOf(duplicates).apply(at(tx, now), row, {
      snapshot: { ...sameAs(row), ...change },
      cause: { ...EVENT, ...cause } as never,
    }),
  );
  const written = await ledger.readRecurring(row);
  expect(recurringPayment).toEqual(kind === 'changed' ? written : row);
  return { kind, row: written };
};
const linesOf = ({ id }: RecurringPayment, columns: string): Promise<unknown[][]> =>
  readTimeline(bed, { type: 'RECURRING_PAYMENT', id }, { columns });
const toldOf = () =>
  told.calls.map(({ recurringPayment, previousStatus, previousCancelAtPeriodEnd, callbackProcessed, body }) => [
    `${previousStatus} to ${recurringPayment.status}`,
    [previousCancelAtPeriodEnd, recurringPayment.cancelAtPeriodEnd],
    callbackProcessed,
    body.source,
  ]);

describe('what Stripe says', () => {
  test('that is the same changes nothing but when it was seen, and nobody is told', async () => {
    const row = await running({
      cancel_at: MONTH,
      canceled_at: dateOf(SEEN),
      cancel_at_period_end: true,
      pending_at: MONTH,
    });
    expect(await tell(row)).toEqual({ kind: 'kept', row: { ...row, seenAt: dateOf(SEEN + 1) } });
    expect([await linesOf(row, 'version'), told.calls]).toEqual([[], []]);
  });

  test('that is another status is a new version, in the timeline and told to the flow with what was before', async () => {
    const row = await running();
    const { kind, row: changed } = await tell(row, { status: 'PAST_DUE' });
    expect([kind, changed]).toEqual([
      'changed',
      {
        ...row,
        status: 'PAST_DUE',
        version: 2,
        revision: 1,
        seenAt: dateOf(SEEN + 1),
        updatedAt: expect.any(Date),
      },
    ]);
    expect(toldOf()).toEqual([['ACTIVE to PAST_DUE', [false, false], false, 'EVENT']]);
    expect(await linesOf(row, 'version, from_status, to_status, actor, event_id, flow, flow_outcome, note')).toEqual([
      [2, 'ACTIVE', 'PAST_DUE', 'stripe', 'evt_1', 'recurring-payment-callback', 'done', null],
    ]);
  });

  test('of a scheduled end is told to the flow too, in the same status', async () => {
    const row = await running();
    await tell(row, { cancelAtPeriodEnd: true });
    expect(toldOf()).toEqual([['ACTIVE to ACTIVE', [false, true], false, 'EVENT']]);
  });

  test.each([
    ['a later period', { currentPeriodEnd: LATER }, { currentPeriodEnd: LATER }],
    ['a pause', { collectionPaused: true }, { collectionPaused: true }],
    ['the day of its end', { cancelAt: MONTH }, { cancelAt: MONTH }],
    ['when it was canceled', { canceledAt: dateOf(SEEN) }, { canceledAt: dateOf(SEEN) }],
  ])('of %s alone is a new version, and no flow runs', async (_, change, expected) => {
    const row = await running();
    const { kind, row: changed } = await tell(row, change);
    expect([kind, changed.version]).toEqual(['changed', 2]);
    expect(changed).toMatchObject(expected);
    expect([told.calls, await linesOf(row, 'flow')]).toEqual([[], [[null]]]);
  });

  test('in a status that Stripe added later moves nothing, and nothing brings one that has ended back to life', async () => {
    const row = await running();
    const unknown = await tell(row, { status: undefined, currentPeriodEnd: LATER });
    expect(unknown).toMatchObject({ kind: 'changed', row: { status: 'ACTIVE' } });
    const ended = await running({ status: 'CANCELED' });
    expect(await tell(ended, { status: 'ACTIVE' })).toMatchObject({ kind: 'kept', row: { status: 'CANCELED' } });
  });

  test('first gives a row its subscription', async () => {
    const row = await running({ stripe_subscription_id: null, status: 'INCOMPLETE' });
    expect(await tell(row)).toMatchObject({ kind: 'changed', row: { stripeSubscriptionId: subscriptionOf(row) } });
  });
});

describe('what is older than what was seen changes nothing', () => {
  const lateBy = async (seconds: number, { seenAt = SEEN, now = NOW } = {}): Promise<string> => {
    const row = await running({ seen_at: dateOf(seenAt) });
    return (await tell(row, { status: 'PAST_DUE', at: seenAt - seconds }, { now })).kind;
  };

  test('but what is of the same second does', async () => {
    expect([await lateBy(1), await lateBy(0)]).toEqual(['kept', 'changed']);
  });

  test('unless it was seen at a time that is yet to come by more than five minutes', async () => {
    const seenAt = NOW + 300;
    expect([await lateBy(10, { seenAt }), await lateBy(10, { seenAt: seenAt + 1 })]).toEqual(['kept', 'changed']);
  });
});

describe('the terms', () => {
  test.each([
    ['another price', { priceId: 'price_2', amount: 7_000 }, ['price_2', 1, 7_000]],
    ['another quantity', { quantity: 3, amount: 30_000 }, ['price_1', 3, 30_000]],
    ['both', { priceId: 'price_2', quantity: 3, amount: 21_000 }, ['price_2', 3, 21_000]],
    ['a quantity of nothing, which counts as one', { priceId: 'price_2', quantity: 0 }, ['price_2', 1, 10_000]],
    ['a price without a plain amount', { priceId: 'price_2', amount: null }, ['price_2', 1, 9_000]],
    ['no single price', { priceId: null, quantity: 5, amount: 7_000 }, ['price_1', 1, 9_000]],
    ['the same ones', { amount: 7_000 }, ['price_1', 1, 9_000]],
  ])('are Stripe’s, agreed on with their change: %s', async (_, change, expected) => {
    const row = await running({ agreed_amount: 9_000 });
    const { row: changed } = await tell(row, change);
    expect([changed.priceId, changed.quantity, changed.agreedAmount]).toEqual(expected);
  });
});

describe('a change that waits', () => {
  const WAITS = { pending_price_id: 'price_2', pending_quantity: 2, pending_at: MONTH };
  const KEPT = { pendingPriceId: 'price_2', pendingQuantity: 2, pendingAt: MONTH };
  const NONE = { pendingPriceId: null, pendingQuantity: null, pendingAt: null };
  const BACK = { restoring_by: 'account:boss' };
  const BY = { restoringBy: 'account:boss' };
  const ENDS = { cancel_at_period_end: true };

  test.each([
    ['stays where nothing is told of it', {}, { pending: undefined }, { ...KEPT, restoringBy: null }],
    ['is gone where Stripe has none', {}, { pending: null }, { ...NONE, restoringBy: null }],
    ['is gone with the end', {}, { pending: undefined, status: 'CANCELED' }, { ...NONE, restoringBy: null }],
    ['stays in a status that Stripe added later', {}, { pending: undefined, status: undefined }, KEPT],
    ['is remembered while the end is scheduled', ENDS, { pending: null }, KEPT],
    ['is remembered as the end is scheduled', {}, { pending: null, cancelAtPeriodEnd: true }, KEPT],
    ['is remembered while the end is taken back', { ...ENDS, ...BACK }, { pending: null }, { ...KEPT, ...BY }],
    [
      'is remembered once the end is taken back',
      { ...ENDS, ...BACK },
      { pending: null, cancelAtPeriodEnd: false },
      { ...KEPT, ...BY },
    ],
    ['is remembered until it waits again', BACK, { pending: null }, { ...KEPT, ...BY }],
    [
      'is remembered, and not taken back, where the end is scheduled after all',
      BACK,
      { pending: null, cancelAtPeriodEnd: true },
      { ...KEPT, restoringBy: null },
    ],
    ['isn’t remembered once it has ended', BACK, { pending: null, status: 'CANCELED' }, { ...NONE, restoringBy: null }],
    [
      'is what Stripe has',
      { ...ENDS, ...BACK },
      { pending: { priceId: 'price_3', quantity: 4, at: LATER } },
      { pendingPriceId: 'price_3', pendingQuantity: 4, pendingAt: LATER, restoringBy: null },
    ],
  ] as const)('%s', async (_, columns, change, expected) => {
    const row = await running({ ...WAITS, ...columns });
    expect((await tell(row, change as Partial<SubscriptionSnapshot>)).row).toMatchObject(expected);
  });
});

describe('the timeline', () => {
  const WAITS = { pending_price_id: 'price_2', pending_quantity: 2, pending_at: MONTH };
  const IN_MONTH = MONTH.toISOString();
  const PENDING = { priceId: 'price_2', quantity: 2, at: MONTH };
  const TURNS = { priceId: 'price_2', quantity: 2 };

  test.each([
    ['from which terms to which', {}, TURNS, 'From 1 × price_1 to 2 × price_2.'],
    ['a quantity that changed', {}, { quantity: 2 }, 'From 1 × price_1 to 2 × price_1.'],
    ['which terms wait', {}, { pending: PENDING }, `To be 2 × price_2 from ${IN_MONTH} on.`],
    [
      'other terms that wait',
      WAITS,
      { pending: { ...PENDING, quantity: 3 } },
      `To be 3 × price_2 from ${IN_MONTH} on.`,
    ],
    ['that none wait any more', WAITS, { pending: null }, 'No change waits any more.'],
    ['that terms which had waited came', WAITS, { ...TURNS, pending: null }, 'From 1 × price_1 to 2 × price_2.'],
    [
      'both terms that came and others that wait',
      {},
      { quantity: 5, pending: PENDING },
      `From 1 × price_1 to 5 × price_1.; To be 2 × price_2 from ${IN_MONTH} on.`,
    ],
    ['nothing of terms that are the same', WAITS, { currentPeriodEnd: LATER }, null],
  ])('tells %s', async (_, columns, change, note) => {
    const row = await running(columns);
    await tell(row, change);
    expect(await linesOf(row, 'note')).toEqual([[note]]);
  });

  const ASKED = 'account:boss';
  test.each([
    ['the end', 'END', {}, { status: 'CANCELED' }],
    ['the end with the period', 'SCHEDULE', {}, { cancelAtPeriodEnd: true }],
    ['none after all', 'RESUME', { cancel_at_period_end: true }, { cancelAtPeriodEnd: false }],
    ['a pause', 'PAUSE', {}, { collectionPaused: true }],
    ['its end', 'UNPAUSE', { collection_paused: true }, { collectionPaused: false }],
    ['another price', 'CHANGE', {}, { priceId: 'price_2' }],
    ['another quantity', 'CHANGE', {}, { quantity: 2 }],
    ['terms from the next period on', 'CHANGE', {}, { pending: PENDING }],
    ['none of those', 'CHANGE', WAITS, { pending: null }],
  ] as const)('names who asked for %s, and Stripe where something else came', async (_, askedFor, columns, change) => {
    const asked = { asked_for: askedFor, asked_by: ASKED };
    const actors = async (given: object, told: object = change, cause: Told = {}) => {
      const row = await running({ ...columns, ...asked, ...given });
      await tell(row, told as Partial<SubscriptionSnapshot>, cause);
      return linesOf(row, 'actor');
    };
    expect(await actors({})).toEqual([[ASKED]]);
    expect(await actors({}, change, { actor: 'job' })).toEqual([['job']]);
    expect(await actors({ asked_by: null })).toEqual([['stripe']]);
    expect(await actors({ asked_for: null })).toEqual([['stripe']]);
    expect(await actors({}, { currentPeriodEnd: LATER })).toEqual([['stripe']]);
    expect(await actors({ status: 'PAST_DUE' }, { status: 'UNPAID' })).toEqual([['stripe']]);
  });
});

describe('the same event again', () => {
  test.each([
    [
      'is told to a flow that wants duplicates',
      'deliver',
      'evt_1',
      [['ACTIVE to ACTIVE', [true, true], true, 'EVENT']],
    ],
    ['is not told to one that doesn’t', 'skip', 'evt_1', []],
    ['is not told where no event brought it', 'deliver', undefined, []],
  ] as const)('%s', async (_, duplicates, eventId, expected) => {
    const row = await running({ cancel_at_period_end: true });
    expect((await tell(row, {}, { duplicates, eventId })).kind).toBe('kept');
    expect(toldOf()).toEqual(expected);
    expect(await linesOf(row, 'flow')).toEqual([]);
  });
});

describe('a flow that can’t run now is owed', () => {
  test.each([
    ['a status', false, 'PAST_DUE'],
    ['a status and a scheduled end', true, 'PAST_DUE, ends with its period'],
  ])('for the version, which came to %s', async (_, ends, toStatus) => {
    const row = await running({ cancel_at_period_end: ends });
    await bed.sql.query(
      `insert into tollgate.flow_failure (flow, node_type, node_id, to_status, order_id, error)
        values ('', 'ORDER', $1, '', $1, 'not now')`,
      [row.orderId],
    );
    await tell(row, { status: 'PAST_DUE' });
    const { rows } = await bed.sql.query(
      'select flow, node_type, version, to_status, event_id, error from tollgate.owed_flow where node_id = $1',
      [row.id],
    );
    expect(rows.map((one) => Object.values(one))).toEqual([
      ['recurring-payment-callback', 'RECURRING_PAYMENT', 2, toStatus, 'evt_1', 'not now'],
    ]);
    expect(told.calls).toEqual([]);
    expect(await linesOf(row, 'flow_outcome, note')).toEqual([['owed', 'the flow is owed: not now']]);
  });
});

describe('what is unpaid', () => {
  /** Whether a job looks at its open invoice within ten seconds, once Stripe said this. */
  const isLookedAt = async (columns: Record<string, unknown>, change: Partial<SubscriptionSnapshot>) => {
    const row = await running(columns);
    const { id } = await ledger.addPayment({
      order_id: row.orderId,
      recurring_payment_id: row.id,
      stripe_invoice_id: `in_${row.id}`,
    });
    await tell(row, change);
    const { rows } = await bed.sql.query(
      `select coalesce(withdraw_at < now() + interval '10 seconds', false) as "is" from tollgate.payment where id = $1`,
      [id],
    );
    return rows[0].is;
  };

  test('is looked at in some seconds as it ends, and never while it lives or once it has ended', async () => {
    expect(await isLookedAt({}, { status: 'CANCELED' })).toBe(true);
    expect(await isLookedAt({}, { status: 'PAST_DUE' })).toBe(false);
    expect(await isLookedAt({ status: 'CANCELED' }, { endedAt: dateOf(SEEN) })).toBe(false);
  });
});

describe('an end that Stripe didn’t bring', () => {
  const untouched = { stripe_subscription_id: null, status: 'INCOMPLETE', seen_at: null };

  test('of one that it refused to make is told with Stripe’s code', async () => {
    const row = await running(untouched);
    const ended = await ledger.database.transaction((tx) =>
      transitionsOf().refuse(at(tx, NOW), row, { code: 'card_declined', actor: 'account:customer' }),
    );
    expect(ended).toMatchObject({ status: 'CANCELED', canceledAt: dateOf(NOW), endedAt: dateOf(NOW), version: 2 });
    expect(toldOf()).toEqual([['INCOMPLETE to CANCELED', [false, false], false, 'API']]);
    expect(await linesOf(row, 'to_status, actor, note')).toEqual([
      ['CANCELED', 'account:customer', 'Stripe refused to make it: card_declined.'],
    ]);
  });

  test('of one whose page closed before it began is told so', async () => {
    const row = await running(untouched);
    const ended = await ledger.database.transaction((tx) => transitionsOf().expire(at(tx, NOW), row, EVENT));
    expect(ended).toMatchObject({
      kind: 'changed',
      recurringPayment: { status: 'INCOMPLETE_EXPIRED', endedAt: dateOf(NOW), version: 2 },
    });
    expect(toldOf()).toEqual([['INCOMPLETE to INCOMPLETE_EXPIRED', [false, false], false, 'EVENT']]);
    expect(await linesOf(row, 'to_status, actor, note')).toEqual([
      ['INCOMPLETE_EXPIRED', 'stripe', 'Its checkout page closed before it began.'],
    ]);
  });

  test.each([
    ['has begun', { status: 'INCOMPLETE' }],
    ['has ended', { ...untouched, status: 'CANCELED' }],
  ])('doesn’t come to one that %s', async (_, columns) => {
    const row = await running(columns);
    const kept = await ledger.database.transaction((tx) => transitionsOf().expire(tx, row, EVENT));
    expect([kept, await ledger.readRecurring(row), told.calls]).toEqual([
      { kind: 'kept', recurringPayment: row },
      row,
      [],
    ]);
  });
});

describe('one that a Stripe object refers to', () => {
  const referenceTo = (row: RecurringPayment, change: object = {}) => ({
    subscriptionId: subscriptionOf(row),
    recurringId: row.id,
    ...{ amount: 10_000, currency: 'USD', livemode: false },
    ...change,
  });
  const find = (row: RecurringPayment, change: object = {}, betweenTimes?: () => Promise<unknown>) =>
    ledger.database.transaction((tx) =>
      transitionsOf().lockByReference(
        {
          ...at(tx, NOW),
          query: async (statement) => {
            if (statement.name === 'recurring_lock_by_id') await betweenTimes?.();
            return tx.query(statement);
          },
        },
        referenceTo(row, change),
      ),
    );

  test('is found by its subscription, and by our mark while it has none', async () => {
    const [known, marked] = [await running(), await running({ stripe_subscription_id: null })];
    expect(await find(known)).toEqual(known);
    expect(await find(marked)).toEqual(marked);
    expect(await find(marked, { recurringId: null })).toBeUndefined();
  });

  test('is none where it became another subscription’s just before it was locked', async () => {
    const become = async (idOf: (row: RecurringPayment) => string) => {
      const row = await running({ stripe_subscription_id: null });
      const text = 'update tollgate.recurring_payment set stripe_subscription_id = $2 where id = $1';
      return find(row, {}, () => bed.sql.query(text, [row.id, idOf(row)]));
    };
    expect(await become(({ id }) => `sub_other_${id}`)).toBeUndefined();
    expect(await become(subscriptionOf)).toMatchObject({ status: 'ACTIVE' });
  });

  test('is locked with its order until the transaction ends', async () => {
    const row = await running();
    const isFree = (table: string, id: string) =>
      bed.sql.query(`select from ${table} where id = $1 for no key update nowait`, [id]).then(
        () => true,
        () => false,
      );
    await ledger.database.transaction(async (tx) => {
      await transitionsOf().lockByReference(tx, referenceTo(row));
      expect(await isFree('public.shop_order', row.orderId)).toBe(false);
      expect(await isFree('tollgate.recurring_payment', row.id)).toBe(false);
    });
    expect(await isFree('public.shop_order', row.orderId)).toBe(true);
  });

  test('can’t be gone', async () => {
    const row = await running();
    const gone = { ...row, id: '987654' };
    await expect(ledger.database.transaction((tx) => transitionsOf().lockById(tx, gone))).rejects.toThrow('is gone');
    await expect(tell(gone, { status: 'PAST_DUE' })).rejects.toThrow('is gone');
  });
});
