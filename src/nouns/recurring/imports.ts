import { setTimeout as wait } from 'node:timers/promises';
import type Stripe from 'stripe';
import { DomainError } from '../../core/errors.js';
import { findCurrency } from '../../core/money.js';
import { hasBegun } from '../../core/states.js';
import type { StripeAccess, StripeConnection } from '../../installation/stripe-connection.js';
import type { Order, Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import { type Database, isDatabaseError, type Tx, UNIQUE_VIOLATION } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { priceSnapshot } from '../../stripe/price-snapshot.js';
import { refusalOf } from '../../stripe/refusal.js';
import { type SubscriptionSnapshot, subscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import { adoptCustomer, otherCustomer } from '../customers/adopt.js';
import { findLive } from '../payments/reserve.js';
import type { RecurringPayment } from './row.js';
import { lockAccount, RECURRING_COLUMNS } from './rows.js';

/** What the map says of a subscription: which order it is for, and whose it is. What it doesn't know is undefined. */
export interface ImportPlace {
  readonly orderId: string | undefined;
  /** Undefined: the order's owner. */
  readonly accountId: string | undefined;
}

/** Finds the place of a subscription by its id, or by its metadata and its customer's. */
export type Locate = (subscription: {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly customerMetadata: Readonly<Record<string, string>>;
}) => ImportPlace;

/** What became of one subscription. `BOUND`: just now. `KNOWN`: it was already. `LEFT`: it can't be, for this reason. `FAILED`: try again. */
export interface ImportLine {
  readonly subscriptionId: string;
  readonly status: string;
  readonly orderId: string | null;
  readonly accountId: string | null;
  /** Minor units of a period; null where it has no single plain price. */
  readonly amount: number | null;
  readonly currency: string;
  readonly outcome: 'BOUND' | 'KNOWN' | 'LEFT' | 'FAILED';
  readonly reason: string;
}

/** Takes over what Stripe has already. */
export interface Imports {
  /**
   * Binds each living subscription of the Stripe account that the map places to its order and account, page by page. Rows begin at Stripe's
   * present state, and no flow runs. Each is bound in a transaction of its own, so a second run goes on where the first one ended, and changes
   * nothing of what is bound. Nothing is written at Stripe.
   *
   * @throws StripeUnavailableError where Stripe keeps not answering
   */
  run(locate: Locate, tell: (lines: readonly ImportLine[]) => void): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  /** Whether everything is rolled back: what one transaction would have written, the next one doesn't see. */
  readonly rehearses: boolean;
}

/** One subscription, as it was at `at`, and where it belongs. */
interface Candidate {
  readonly subscription: Stripe.Subscription;
  readonly snapshot: SubscriptionSnapshot;
  readonly place: ImportPlace;
}

type Verdict = Pick<ImportLine, 'outcome' | 'reason'> & { readonly order?: Order; readonly accountId?: string };

const TRIES = 8;
const FIRST_WAIT_MS = 1_000;

const left = (reason: string): Verdict => ({ outcome: 'LEFT', reason });

/** Reads a page; where Stripe is slow or wants fewer calls, it is asked again after a while. */
const readPage = async (
  { gateway }: StripeAccess,
  after: string | undefined,
): Promise<Answer<Stripe.ApiList<Stripe.Subscription>>> => {
  for (let tries = 1; ; tries += 1)
    try {
      return await gateway.pageOfSubscriptions(after);
    } catch (error) {
      const passes = error instanceof StripeCallError && (error.failure === 'throttled' || error.failure === 'unknown');
      if (!passes || tries === TRIES) throw refusalOf(error);
      await wait(FIRST_WAIT_MS * 2 ** (tries - 1));
    }
};

/** What stands against a subscription by itself, whatever its order. */
const faultOf = ({ marks }: Parts, { subscription, snapshot, place }: Candidate): string | undefined => {
  const { status, priceId, amount, owner, currency } = snapshot;
  if (status === undefined || !hasBegun({ status })) return 'it has not begun, or has ended';
  if (marks.isAnothers(owner)) return 'another installation of Tollgate made it';
  const [item] = subscription.items.data;
  if (priceId === null || !item) return 'it has several prices';
  const { fault, isArchived } = priceSnapshot(item.price);
  if (amount === null || (fault !== undefined && !isArchived)) return `its price: ${fault ?? 'it has no plain amount'}`;
  try {
    findCurrency(currency);
  } catch {
    return `its currency ${currency} isn't one that Tollgate knows`;
  }
  return place.orderId === undefined ? 'the map names no order for it' : undefined;
};

const accountOf = (order: Order, { accountId }: ImportPlace): { account: string } | { fault: string } => {
  if (order.owner === null) return { fault: `order ${order.id} has no owner` };
  const account = order.owner ?? accountId;
  if (account === undefined) return { fault: 'the map names no account, and no owner column is bound' };
  return accountId !== undefined && accountId !== account
    ? { fault: `order ${order.id} is ${account}'s, and the map says ${accountId}` }
    : { account };
};

const insert = async (
  tx: Tx,
  {
    order,
    account,
    snapshot,
    access,
  }: { order: Order; account: string; snapshot: SubscriptionSnapshot; access: StripeAccess },
): Promise<RecurringPayment> => {
  const [row] = await tx.query<RecurringPayment>({
    name: 'recurring_import',
    text: `insert into tollgate.recurring_payment as r (order_id, account_id, price_id, quantity, status, initial_amount, currency,
        cancel_at_period_end, cancel_at, canceled_at, collection_paused, current_period_end, pending_price_id, pending_quantity,
        pending_at, stripe_subscription_id, livemode, stripe_account, seen_at, imported_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, to_timestamp($19), to_timestamp($19))
      returning ${RECURRING_COLUMNS}`,
    values: [
      order.id,
      account,
      snapshot.priceId,
      Math.max(1, snapshot.quantity),
      snapshot.status,
      snapshot.amount,
      snapshot.currency,
      snapshot.cancelAtPeriodEnd,
      snapshot.cancelAt,
      snapshot.canceledAt,
      snapshot.collectionPaused,
      snapshot.currentPeriodEnd,
      snapshot.pending?.priceId ?? null,
      snapshot.pending?.quantity ?? null,
      snapshot.pending?.at ?? null,
      snapshot.subscriptionId,
      access.livemode,
      access.account,
      snapshot.at,
    ],
  });
  if (!row) throw new Error('The new recurring payment was not returned.');
  return row;
};

const findBound = async (tx: Tx, subscriptionId: string): Promise<{ orderId: string } | undefined> => {
  const [row] = await tx.query<{ orderId: string }>({
    name: 'recurring_find_bound',
    text: 'select order_id::text as "orderId" from tollgate.recurring_payment where stripe_subscription_id = $1',
    values: [subscriptionId],
  });
  return row;
};

/** Decides under the order's lock, and binds. */
const bind = async (
  { parts, tx }: { readonly parts: Parts; readonly tx: Tx },
  candidate: Candidate,
  access: StripeAccess,
): Promise<Verdict> => {
  const { snapshot, place } = candidate;
  const known = await findBound(tx, snapshot.subscriptionId);
  if (known) return { outcome: 'KNOWN', reason: `bound to order ${known.orderId}` };
  const fault = faultOf(parts, candidate);
  if (fault !== undefined) return left(fault);
  const order = await parts.orders.lock(tx, place.orderId ?? '');
  if (!order) return left(`there is no order ${place.orderId}`);
  if (order.currency !== undefined && order.currency !== snapshot.currency)
    return left(`order ${order.id} is in ${order.currency ?? 'no currency'}`);
  const whose = accountOf(order, place);
  if ('fault' in whose) return left(whose.fault);
  const living = await findLive(tx, order.id, access);
  if (living) return left(`order ${order.id} has the recurring payment ${living.id}`);
  const { account } = whose;
  const scope = { accountId: account, livemode: access.livemode, stripeAccount: access.account };
  await tx.query(lockAccount(scope));
  const other = await adoptCustomer(tx, scope, snapshot.customerId ?? '');
  if (other !== undefined) return left(other);
  const row = await insert(tx, { order, account, snapshot, access });
  tx.send(
    writeChange({
      nodeType: 'RECURRING_PAYMENT',
      nodeId: row.id,
      version: row.version,
      fromStatus: null,
      toStatus: row.status,
      actor: 'operator',
      note: `Imported: Stripe had ${snapshot.subscriptionId} already.`,
    }),
  );
  return { outcome: 'BOUND', reason: '', order, accountId: account };
};

const customerMetadata = ({ customer }: Stripe.Subscription): Record<string, string> =>
  typeof customer === 'object' && !('deleted' in customer && customer.deleted)
    ? ((customer as Stripe.Customer).metadata ?? {})
    : {};

/** What a rehearsal has bound so far, since nothing of it is seen by the next transaction. */
interface Rehearsed {
  readonly orders: Map<string, string>;
  /** Account of a customer, and customer of an account. */
  readonly customers: Map<string, string>;
}

const faultOfRehearsal = (
  { orders, customers }: Rehearsed,
  { snapshot }: Candidate,
  { order, accountId = '' }: Verdict,
): string | undefined => {
  const customerId = snapshot.customerId ?? '';
  const earlier = orders.get(order?.id ?? '');
  if (earlier !== undefined) return `order ${order?.id} is bound to ${earlier}`;
  const [account, customer] = [customers.get(customerId), customers.get(`account ${accountId}`)];
  if (account !== undefined && account !== accountId) return `its customer is that of account ${account}`;
  if (customer !== undefined && customer !== customerId) return otherCustomer(accountId, customer);
  orders.set(order?.id ?? '', snapshot.subscriptionId);
  customers.set(customerId, accountId).set(`account ${accountId}`, customerId);
  return undefined;
};

const decide = async (parts: Parts, candidate: Candidate, access: StripeAccess): Promise<Verdict> => {
  try {
    return await parts.database.transaction((tx) => bind({ parts, tx }, candidate, access), candidate.place.orderId);
  } catch (error) {
    // Somebody else bound it, or its order, at the same time: a second run says which.
    if (isDatabaseError(error, UNIQUE_VIOLATION)) return { outcome: 'FAILED', reason: 'it was bound at the same time' };
    if (error instanceof DomainError) return { outcome: 'FAILED', reason: error.message };
    throw error;
  }
};

/** Builds the import over its parts. */
export const createImports = (parts: Parts): Imports => ({
  async run(locate, tell) {
    const access = await parts.connection.access();
    const rehearsed: Rehearsed = { orders: new Map(), customers: new Map() };
    for (let after: string | undefined; ; ) {
      const { object: page, at } = await readPage(access, after);
      const lines: ImportLine[] = [];
      for (const subscription of page.data) {
        const { id, metadata } = subscription;
        const place = locate({ id, metadata, customerMetadata: customerMetadata(subscription) });
        const candidate = { subscription, snapshot: subscriptionSnapshot(subscription, at), place };
        const verdict = await decide(parts, candidate, access);
        const fault =
          parts.rehearses && verdict.outcome === 'BOUND' ? faultOfRehearsal(rehearsed, candidate, verdict) : undefined;
        const { outcome, reason } = fault === undefined ? verdict : left(fault);
        const { status, amount, currency } = candidate.snapshot;
        lines.push({
          subscriptionId: id,
          status: status ?? subscription.status,
          orderId: place.orderId ?? null,
          accountId: verdict.accountId ?? place.accountId ?? null,
          amount,
          currency,
          outcome,
          reason,
        });
      }
      tell(lines);
      after = page.data.at(-1)?.id;
      if (!page.has_more || after === undefined) return;
    }
  },
});
