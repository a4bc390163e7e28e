import { isLive, RECURRING_NEXT } from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { type FlowEnd, type FlowSubject, runOrOwe } from '../../flows/owed.js';
import type { Orders } from '../../orders/orders.js';
import { joinNotes, writeChange } from '../../outbox/change-log.js';
import { readClock } from '../../storage/clock.js';
import type { Tx } from '../../storage/database.js';
import type { SubscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { Cause } from '../payments/decide.js';
import { markUnpaid } from '../payments/rows.js';
import { pendingChangeOf, type RecurringPayment } from './row.js';
import {
  findByReference,
  lockRecurring,
  type RecurringReference,
  type RecurringUpdate,
  writeRecurring,
  writeRecurringSeen,
} from './rows.js';

/** What Stripe's present subscription did to the row. */
export interface RecurringOutcome {
  readonly kind: 'changed' | 'kept';
  readonly recurringPayment: RecurringPayment;
}

/** What Stripe says of a subscription, and who brought it. */
export interface SeenSubscription {
  readonly snapshot: SubscriptionSnapshot;
  readonly cause: Cause;
}

/** The only code that moves a recurring payment: webhooks, answers to our own calls, and reconciliation all come here. */
export interface RecurringTransitions {
  /** Locks the order, then the recurring payment that a Stripe object refers to; undefined when none of ours does. */
  lockByReference(tx: Tx, reference: RecurringReference): Promise<RecurringPayment | undefined>;
  /** Locks the order of the recurring payment, then the recurring payment. */
  lockById(tx: Tx, row: Pick<RecurringPayment, 'id' | 'orderId'>): Promise<RecurringPayment>;
  /**
   * Applies what Stripe was asked for to a locked row: writes the version, runs the callback when the status or the
   * scheduled end changed, and logs the change, all in the transaction. An answer older than what the row has seen
   * changes nothing, and neither does the same one twice.
   */
  apply(tx: Tx, row: RecurringPayment, seen: SeenSubscription): Promise<RecurringOutcome>;
  /** Ends a locked row that Stripe refused to make, so that the order is free for another one. */
  refuse(tx: Tx, row: RecurringPayment, refusal: { code: string; actor: string }): Promise<RecurringPayment>;
  /** Ends a locked row whose checkout page closed before a subscription began; one that has ended is left alone. */
  expire(tx: Tx, row: RecurringPayment, cause: Cause): Promise<RecurringOutcome>;
}

const FLOW = 'recurring-payment-callback';

/** A cancel of ours voids at once what is unpaid; a job looks at what is left. */
const UNPAID_SECONDS = 5;

/** Stripe's clock and the database's. */
const CLOCKS_DIFFER_SECONDS = 300;

const quantityOf = (row: RecurringPayment, { priceId, quantity }: SubscriptionSnapshot): number =>
  priceId === null ? row.quantity : Math.max(1, quantity);

/** New terms are agreed on with their change, whoever made it: what a lowered charge may come to follows them. */
const agreedWith = (row: RecurringPayment, snapshot: SubscriptionSnapshot): number | null => {
  const isSame = snapshot.priceId === row.priceId && quantityOf(row, snapshot) === row.quantity;
  return snapshot.priceId === null || isSame || snapshot.amount === null ? row.agreedAmount : snapshot.amount;
};

/** What waits is what Stripe has scheduled. While it is about to end, what had waited is remembered: the end may be taken back. */
const pendingWith = (
  row: RecurringPayment,
  { pending, cancelAtPeriodEnd, status }: SubscriptionSnapshot,
): Pick<RecurringUpdate, 'pendingPriceId' | 'pendingQuantity' | 'pendingAt' | 'restoringBy'> => {
  const { pendingPriceId, pendingQuantity, pendingAt } = row;
  // An end that is scheduled after all ends the taking back, and is remembered as the one before.
  const restoringBy = cancelAtPeriodEnd && !row.cancelAtPeriodEnd ? null : row.restoringBy;
  const isRemembered = pending === undefined || (pending === null && (cancelAtPeriodEnd || restoringBy !== null));
  if (isRemembered && (status === undefined || isLive({ status })))
    return { pendingPriceId, pendingQuantity, pendingAt, restoringBy };
  return {
    restoringBy: null,
    pendingPriceId: pending?.priceId ?? null,
    pendingQuantity: pending?.quantity ?? null,
    pendingAt: pending?.at ?? null,
  };
};

const updateFrom = (row: RecurringPayment, snapshot: SubscriptionSnapshot): RecurringUpdate => ({
  status: snapshot.status === undefined ? row.status : RECURRING_NEXT[row.status][snapshot.status],
  priceId: snapshot.priceId ?? row.priceId,
  quantity: quantityOf(row, snapshot),
  cancelAtPeriodEnd: snapshot.cancelAtPeriodEnd,
  cancelAt: snapshot.cancelAt,
  canceledAt: snapshot.canceledAt,
  endedAt: snapshot.endedAt,
  collectionPaused: snapshot.collectionPaused,
  currentPeriodEnd: snapshot.currentPeriodEnd,
  agreedAmount: agreedWith(row, snapshot),
  ...pendingWith(row, snapshot),
  stripeSubscriptionId: snapshot.subscriptionId,
});

const isSameValue = (a: unknown, b: unknown): boolean =>
  a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b;

const differs = (row: RecurringPayment, update: RecurringUpdate): boolean =>
  (Object.keys(update) as (keyof RecurringUpdate)[]).some((key) => !isSameValue(row[key], update[key]));

/** What a move came to, in the words of what may be asked for. */
const moveOf = (row: RecurringPayment, changed: RecurringPayment): RecurringPayment['askedFor'] => {
  if (isLive(row) && !isLive(changed)) return 'END';
  if (row.cancelAtPeriodEnd !== changed.cancelAtPeriodEnd) return changed.cancelAtPeriodEnd ? 'SCHEDULE' : 'RESUME';
  if (row.collectionPaused !== changed.collectionPaused) return changed.collectionPaused ? 'PAUSE' : 'UNPAUSE';
  return termsOf(row) === termsOf(changed) && pendingText(row) === pendingText(changed) ? null : 'CHANGE';
};

const termsOf = ({ priceId, quantity }: Pick<RecurringPayment, 'priceId' | 'quantity'>): string =>
  `${quantity} × ${priceId}`;

/** Who caused a move: an event of what somebody asked for tells of them, however fast it came. */
const actorOf = (row: RecurringPayment, changed: RecurringPayment, { actor }: Cause): string =>
  actor === 'stripe' && row.askedBy !== null && row.askedFor === moveOf(row, changed) ? row.askedBy : actor;

/** Whether the row has seen something newer; a time that is yet to come, of a date that was wrong, tells nothing. */
const isOlder = async (tx: Tx, { at }: SubscriptionSnapshot, { seenAt }: RecurringPayment): Promise<boolean> =>
  at < unixSeconds(seenAt) && unixSeconds(seenAt) <= unixSeconds(await readClock(tx)) + CLOCKS_DIFFER_SECONDS;

/** Whose flow the callback of a new version is. */
const subjectOf = (
  { id, orderId, version, status, cancelAtPeriodEnd }: RecurringPayment,
  { eventId }: Cause,
): FlowSubject => ({
  flow: FLOW,
  orderId,
  nodeType: 'RECURRING_PAYMENT',
  nodeId: id,
  version,
  toStatus: cancelAtPeriodEnd ? `${status}, ends with its period` : status,
  eventId,
});

/** Undefined for a duplicate, which has no entry in the timeline. */
const runCallback = async (
  { tx, flows, log }: { readonly tx: Tx; readonly flows: Flows; readonly log: FlowLog },
  row: RecurringPayment,
  { previous, cause, duplicate }: { previous: RecurringPayment; cause: Cause; duplicate: boolean },
): Promise<FlowEnd | undefined> => {
  const data = {
    recurringPayment: row,
    previousStatus: previous.status,
    previousCancelAtPeriodEnd: previous.cancelAtPeriodEnd,
    callbackProcessed: duplicate,
    body: cause.body,
  };
  const { effects, recurringPaymentCallback } = flows;
  if (!duplicate) return runOrOwe(subjectOf(row, cause), recurringPaymentCallback, { data, tx, log, effects });
  await runFlow(FLOW, recurringPaymentCallback, data, { tx, log, effects });
  return undefined;
};

const pendingText = (row: RecurringPayment): string | undefined => {
  const pending = pendingChangeOf(row);
  return pending ? `${termsOf(pending)} from ${pending.at.toISOString()} on` : undefined;
};

const changeNote = (row: RecurringPayment, changed: RecurringPayment): string | undefined => {
  const isChanged = termsOf(row) !== termsOf(changed);
  const [had, has] = [pendingText(row), pendingText(changed)];
  const waits = had === has ? undefined : has === undefined ? 'No change waits any more.' : `To be ${has}.`;
  return joinNotes(
    isChanged ? `From ${termsOf(row)} to ${termsOf(changed)}.` : undefined,
    isChanged && has === undefined ? undefined : waits,
  );
};

/** Builds the transitions over the order table and the developer's flows. */
export const createRecurringTransitions = ({
  orders,
  flows,
  log,
}: {
  orders: Orders;
  flows: Flows;
  log: FlowLog;
}): RecurringTransitions => {
  const move = async (
    tx: Tx,
    row: RecurringPayment,
    { update, at, cause, note }: { update: RecurringUpdate; at: number; cause: Cause; note?: string },
  ): Promise<RecurringPayment> => {
    const [changed] = await tx.query<RecurringPayment>(writeRecurring(row.id, update, at));
    if (!changed) throw new Error(`Recurring payment ${row.id} is gone, although rows are never deleted.`);
    // Whoever ended it, nobody is to pay for nothing.
    if (isLive(row) && !isLive(changed)) tx.send(markUnpaid(row.id, UNPAID_SECONDS));
    const moved = changed.status !== row.status || changed.cancelAtPeriodEnd !== row.cancelAtPeriodEnd;
    const ran = moved
      ? await runCallback({ tx, flows, log }, changed, { previous: row, cause, duplicate: false })
      : undefined;
    tx.send(
      writeChange({
        nodeType: 'RECURRING_PAYMENT',
        nodeId: changed.id,
        version: changed.version,
        fromStatus: row.status,
        toStatus: changed.status,
        actor: actorOf(row, changed, cause),
        eventId: cause.eventId,
        ...ran,
        note: joinNotes(note, changeNote(row, changed), ran?.note),
      }),
    );
    return changed;
  };

  const lockById = async (tx: Tx, { id, orderId }: Pick<RecurringPayment, 'id' | 'orderId'>) => {
    await orders.hold(tx, orderId);
    const [row] = await tx.query<RecurringPayment>(lockRecurring(id));
    if (!row) throw new Error(`Recurring payment ${id} is gone, although rows are never deleted.`);
    return row;
  };

  return {
    lockById,

    async lockByReference(tx, reference) {
      const [found] = await tx.query<{ id: string; orderId: string }>(findByReference(reference));
      if (!found) return undefined;
      const row = await lockById(tx, found);
      // Between the search and the lock the row may have become another subscription's.
      return row.stripeSubscriptionId === null || row.stripeSubscriptionId === reference.subscriptionId
        ? row
        : undefined;
    },

    async apply(tx, row, { snapshot, cause }) {
      if (await isOlder(tx, snapshot, row)) return { kind: 'kept', recurringPayment: row };
      const update = updateFrom(row, snapshot);
      if (differs(row, update))
        return { kind: 'changed', recurringPayment: await move(tx, row, { update, at: snapshot.at, cause }) };
      tx.send(writeRecurringSeen(row.id, snapshot.at));
      if (flows.recurringPaymentCallback.duplicates === 'deliver' && cause.eventId !== undefined)
        await runCallback({ tx, flows, log }, row, { previous: row, cause, duplicate: true });
      return { kind: 'kept', recurringPayment: row };
    },

    async refuse(tx, row, { code, actor }) {
      const now = await readClock(tx);
      return move(tx, row, {
        update: { ...row, status: RECURRING_NEXT[row.status].CANCELED, canceledAt: now, endedAt: now },
        at: 0,
        cause: { actor, body: { source: 'API', object: {} }, current: true },
        note: `Stripe refused to make it: ${code}.`,
      });
    },

    async expire(tx, row, cause) {
      if (row.stripeSubscriptionId !== null || !isLive(row)) return { kind: 'kept', recurringPayment: row };
      const update = { ...row, status: RECURRING_NEXT[row.status].INCOMPLETE_EXPIRED, endedAt: await readClock(tx) };
      const note = 'Its checkout page closed before it began.';
      return { kind: 'changed', recurringPayment: await move(tx, row, { update, at: 0, cause, note }) };
    },
  };
};
