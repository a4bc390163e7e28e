import { changeOf, type VersionEntry } from '../../outbox/change-log.js';
import type { Statement } from '../../storage/database.js';
import { selectList } from '../../storage/select-list.js';
import { LIVE_RECURRING, RecurringPayment } from './row.js';

/** The columns of a recurring payment, for SQL that names the table `r`. */
export const RECURRING_COLUMNS = selectList(RecurringPayment, 'r');

/** How an object of Stripe's leads to our row: by the subscription's id, or by our mark while the row has none yet. */
export interface RecurringReference {
  readonly subscriptionId: string;
  /** Our row's id from this installation's mark; null when the object carries none. */
  readonly recurringId: string | null;
  /** Minor units of a period; null where the object doesn't tell. */
  readonly amount: number | null;
  /** Upper case. */
  readonly currency: string;
  readonly livemode: boolean;
}

/** The mark alone finds a row only while it has no Stripe id, and with equal currency, mode, and amount where it is told. */
const BY_REFERENCE = `(stripe_subscription_id = $1 and id = coalesce($2::bigint, id)) or (id = $2::bigint and stripe_subscription_id is null
  and initial_amount = coalesce($3::bigint, initial_amount) and currency = $4 and livemode = $5)`;

/** Finds the referred row's id and order without a lock: the order's lock comes first. */
export const findByReference = (reference: RecurringReference): Statement => ({
  name: 'recurring_find_by_reference',
  text: `select id::text as "id", order_id::text as "orderId" from tollgate.recurring_payment where ${BY_REFERENCE}
    order by stripe_subscription_id nulls last limit 1`,
  values: referenceValues(reference),
});

const referenceValues = (reference: RecurringReference): unknown[] => [
  reference.subscriptionId,
  reference.recurringId,
  reference.amount,
  reference.currency,
  reference.livemode,
];

/** Whether a subscription, or our mark, leads to a recurring payment at all; without a lock, and whatever the amounts. */
export const findBySubscriptionOrMark = (subscriptionId: string, recurringId: string | null): Statement => ({
  text: `select id::text as "id" from tollgate.recurring_payment where stripe_subscription_id = $1 or id = $2::bigint limit 1`,
  values: [subscriptionId, recurringId],
});

/** The recurring payment that a reference's mark names, but which names another subscription as its own. */
export const findClaimedSubscription = (reference: RecurringReference): Statement => ({
  text: `select ${RECURRING_COLUMNS} from tollgate.recurring_payment r where id = $2::bigint and stripe_subscription_id <> $1
    and initial_amount = coalesce($3::bigint, initial_amount) and currency = $4 and livemode = $5`,
  values: referenceValues(reference),
});

/** Locks and reads one recurring payment; the order's lock must be held. */
export const lockRecurring = (id: string): Statement => ({
  name: 'recurring_lock_by_id',
  text: `select ${RECURRING_COLUMNS} from tollgate.recurring_payment r where id = $1 for update`,
  values: [id],
});

/** Reads one recurring payment as it is in this transaction. */
export const readRecurring = (id: string): Statement => ({
  name: 'recurring_read',
  text: `select ${RECURRING_COLUMNS} from tollgate.recurring_payment r where id = $1`,
  values: [id],
});

/** Whose customer at Stripe a recurring payment belongs to. */
export interface CustomerScope {
  readonly accountId: string;
  readonly livemode: boolean;
  readonly stripeAccount: string;
}

/** Keeps reservations for one account apart until the transaction ends: they share a customer. Taken after the order's lock. */
export const lockAccount = ({ accountId }: CustomerScope): Statement => ({
  name: 'recurring_account_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('tollgate account ' || $1, 0))`,
  values: [accountId],
});

/** A living recurring payment of the same customer in another currency. */
export const findOtherCurrency = (scope: CustomerScope, currency: string): Statement => ({
  name: 'recurring_find_other_currency',
  text: `select id::text as "id", currency from tollgate.recurring_payment
    where account_id = $1 and livemode = $2 and stripe_account = $3 and currency <> $4 and ${LIVE_RECURRING} limit 1`,
  values: [scope.accountId, scope.livemode, scope.stripeAccount, currency],
});

/**
 * An earlier recurring payment of the customer that had the price's trial: one that began, or may yet begin. Of rows of before, whose
 * trials nobody noted, each of that price.
 */
export const findTrial = (scope: CustomerScope, priceId: string): Statement => ({
  name: 'recurring_find_trial',
  text: `select id::text as "id" from tollgate.recurring_payment
    where account_id = $1 and livemode = $2 and stripe_account = $3
      and (trial_price_id = $4 or (trial_days is null and price_id = $4))
      and (stripe_subscription_id is not null or ${LIVE_RECURRING}) limit 1`,
  values: [scope.accountId, scope.livemode, scope.stripeAccount, priceId],
});

/** What a subscription says of the row; `at` in unix seconds. */
export type RecurringUpdate = Pick<
  RecurringPayment,
  | 'status'
  | 'priceId'
  | 'quantity'
  | 'cancelAtPeriodEnd'
  | 'cancelAt'
  | 'canceledAt'
  | 'endedAt'
  | 'collectionPaused'
  | 'currentPeriodEnd'
  | 'agreedAmount'
  | 'pendingPriceId'
  | 'pendingQuantity'
  | 'pendingAt'
  | 'restoringBy'
> & { readonly stripeSubscriptionId: string | null };

/** Writes a new version and gives the row. */
export const writeRecurring = (id: string, update: RecurringUpdate, at: number): Statement => ({
  name: 'recurring_write_version',
  text: `update tollgate.recurring_payment r set status = $2, price_id = $3, quantity = $4, cancel_at_period_end = $5,
      cancel_at = $6, canceled_at = $7, ended_at = $8, collection_paused = $9, current_period_end = $10,
      stripe_subscription_id = coalesce(stripe_subscription_id, $11), seen_at = greatest(seen_at, to_timestamp($12)),
      agreed_amount = $13, pending_price_id = $14, pending_quantity = $15, pending_at = $16, restoring_by = $17,
      version = version + 1, revision = revision + 1, updated_at = now()
    where id = $1 returning ${RECURRING_COLUMNS}`,
  values: [
    id,
    update.status,
    update.priceId,
    update.quantity,
    update.cancelAtPeriodEnd,
    update.cancelAt,
    update.canceledAt,
    update.endedAt,
    update.collectionPaused,
    update.currentPeriodEnd,
    update.stripeSubscriptionId,
    at,
    update.agreedAmount,
    update.pendingPriceId,
    update.pendingQuantity,
    update.pendingAt,
    update.restoringBy,
  ],
});

/** Drops the id of an object that Stripe doesn't know, with its entry in the timeline, and gives the row. */
export const forgetRecurringObject = (
  id: string,
  column: 'stripe_subscription_id' | 'stripe_checkout_session_id',
  entry: VersionEntry,
): Statement => {
  const change = changeOf('RECURRING_PAYMENT', 'r', entry, 1);
  return {
    text: `with r as (
      update tollgate.recurring_payment set ${column} = null, version = version + 1, revision = revision + 1,
        updated_at = now() where id = $1 returning *),
    entry as (${change.text})
    select ${RECURRING_COLUMNS} from r`,
    values: [id, ...change.values],
  };
};

/** Begins the attempt after this one, under a new key; a second call for the same attempt changes nothing. */
export const writeNextRecurringAttempt = (id: string, attempt: number): Statement => ({
  text: `update tollgate.recurring_payment set attempt = attempt + 1, attempted_at = now() where id = $1 and attempt = $2`,
  values: [id, attempt],
});

/** Remembers who asks Stripe for what, before that is done; without a new version. */
export const writeRecurringAsked = (id: string, asked: RecurringPayment['askedFor'], actor: string): Statement => ({
  text: 'update tollgate.recurring_payment set asked_for = $2, asked_by = $3 where id = $1',
  values: [id, asked, actor],
});

/** Remembers that Stripe was seen at `at` (unix seconds), without a new version: nothing that shows has changed. */
export const writeRecurringSeen = (id: string, at: number): Statement => ({
  name: 'recurring_write_seen',
  text: `update tollgate.recurring_payment set seen_at = to_timestamp($2)
    where id = $1 and (seen_at is null or seen_at < to_timestamp($2))`,
  values: [id, at],
});

/**
 * Takes the locked row for one change, unless somebody has it; gives the change's number then. Who dies with it loses it after
 * `leaseSeconds`.
 */
export const takeForChange = (id: string, leaseSeconds: number): Statement => ({
  name: 'recurring_take_for_change',
  text: `update tollgate.recurring_payment set change_number = change_number + 1,
      changing_until = clock_timestamp() + $2 * interval '1 second'
    where id = $1 and (changing_until is null or changing_until < clock_timestamp())
    returning change_number as "number"`,
  values: [id, leaseSeconds],
});

/** Remembers, before the end is taken back, that what had waited is to wait again; without a new version. */
export const writeRestoring = (id: string, actor: string): Statement => ({
  name: 'recurring_write_restoring',
  text: `update tollgate.recurring_payment set restoring_by = $2, restoring_since = clock_timestamp()
    where id = $1 and cancel_at_period_end and pending_price_id is not null`,
  values: [id, actor],
});

/** Nothing is to wait again: Stripe refused it, or another change takes its place. Nothing that shows has changed. */
export const dropRestoring = (id: string): Statement => ({
  name: 'recurring_drop_restoring',
  text: `update tollgate.recurring_payment set restoring_by = null, pending_price_id = null, pending_quantity = null,
      pending_at = null where id = $1 and restoring_by is not null`,
  values: [id],
});

/** The end stands after all: what had waited stays remembered with it. */
export const stopRestoring = (id: string): Statement => ({
  text: 'update tollgate.recurring_payment set restoring_by = null where id = $1 and restoring_by is not null',
  values: [id],
});

/**
 * Takes what was to wait again and doesn't after `leaseSeconds`: whoever took the end back died before. One of several processes gets each.
 */
export const claimRestoring = (limit: number, leaseSeconds: number): Statement => ({
  name: 'recurring_claim_restoring',
  text: `update tollgate.recurring_payment r set restoring_since = clock_timestamp()
    where id in (select id from tollgate.recurring_payment where restoring_by is not null
        and restoring_since < clock_timestamp() - $2 * interval '1 second'
      order by restoring_since limit $1 for update skip locked)
    returning ${RECURRING_COLUMNS}`,
  values: [limit, leaseSeconds],
});

/** The change of this number has ended, well or not: the next one may begin. */
export const endChange = (id: string, number: number): Statement => ({
  text: 'update tollgate.recurring_payment set changing_until = null where id = $1 and change_number = $2',
  values: [id, number],
});

/** Whether somebody is changing it at Stripe. */
export const isBeingChanged = (id: string): Statement => ({
  name: 'recurring_is_being_changed',
  text: `select coalesce(changing_until > clock_timestamp(), false) as "busy" from tollgate.recurring_payment where id = $1`,
  values: [id],
});
