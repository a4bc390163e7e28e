import { invalidRequest, leftOut } from '../errors.js';
import type { Kind, StripeObject } from '../kind.js';
import type { Scope } from '../scope.js';
import { collect, finalize, openPayment, voidInvoice } from './invoice-flow.js';
import { invoices } from './invoice-row.js';
import { paymentMethods } from './payment-method.js';
import { addProrations, prorationsOf } from './proration.js';
import { changeSubscription, defaultMethodOf, draftInvoice, schedulePeriodEnd } from './subscription-flow.js';
import type { UpdateValues } from './subscription-params.js';
import { periodOf, type Subscription, type SubscriptionItem, subscriptions } from './subscription-row.js';

/** Changes that wait for their payment (Stripe: "Pending updates", "Pending updates reference"). */

const MAY_WAIT = ['expand', 'items', 'payment_behavior', 'proration_behavior'];
const WAITS_SECONDS = 23 * 60 * 60;

/** A change and the invoice that must be paid for it; one per subscription, of which it has the id. */
interface PendingUpdate extends StripeObject {
  readonly object: 'pending_update';
  readonly invoice: string;
  readonly expires: number;
  readonly items: SubscriptionItem[];
  readonly anchor: number | null;
}
export const pendingUpdates: Kind<PendingUpdate> = { table: 'pending_update' };

/** Throws for what can't wait for a payment. */
export const checkPending = (scope: Scope, subscription: Subscription, values: UpdateValues): void => {
  const other = Object.keys(values).find((name) => !MAY_WAIT.includes(name));
  if (other === 'trial_end' || other === 'trial_from_plan')
    throw leftOut('trials that wait for a payment (pending_if_incomplete)', other);
  if (other !== undefined)
    throw invalidRequest(
      `You cannot use \`payment_behavior=pending_if_incomplete\` with \`${other}\`: it isn't supported by pending updates.`,
      { param: other },
    );
  const id = defaultMethodOf(scope, subscription);
  const type = id === null ? undefined : scope.find(paymentMethods, id)?.type;
  if (type === 'us_bank_account' || type === 'sepa_debit')
    throw invalidRequest('`pending_if_incomplete` is not supported with bank debits.', { param: 'payment_behavior' });
};

/** Whether the invoice is the one that a change waits for. */
export const isPendingInvoice = (scope: Scope, subscription: Subscription, invoice: string): boolean =>
  scope.find(pendingUpdates, subscription.id)?.invoice === invoice;

const clear = (scope: Scope, subscription: Subscription, changes: Partial<Subscription> = {}): void => {
  scope.remove(pendingUpdates, subscription.id);
  changeSubscription(scope, subscription, { ...changes, pending_update: null });
};

/** The change's invoice was paid: the change stands. */
export const applyPendingUpdate = (scope: Scope, subscription: Subscription): void => {
  const pending = scope.find(pendingUpdates, subscription.id);
  if (!pending) return;
  const { items, anchor } = pending;
  const waited = subscription.pending_update !== null;
  // The period may have ended meanwhile.
  const { start, end } = periodOf(subscription);
  const data =
    anchor === null ? items.map((item) => ({ ...item, current_period_start: start, current_period_end: end })) : items;
  clear(scope, subscription, {
    items: { ...subscription.items, data, total_count: data.length },
    ...(anchor === null ? {} : { billing_cycle_anchor: anchor }),
  });
  if (anchor !== null) schedulePeriodEnd(scope, subscription);
  if (waited) scope.emit('customer.subscription.pending_update_applied', subscription);
};

/** Gives up a change that waits: its invoice is voided. Nothing waiting changes nothing. */
export const dropPendingUpdate = (scope: Scope, subscription: Subscription): void => {
  const pending = scope.find(pendingUpdates, subscription.id);
  if (!pending) return;
  clear(scope, subscription);
  const invoice = scope.find(invoices, pending.invoice);
  if (invoice?.status === 'open') voidInvoice(scope, invoice);
};

/** Its time is over. */
export const expirePendingUpdate = (scope: Scope, id: string): void => {
  const pending = scope.find(pendingUpdates, id);
  const subscription = scope.find(subscriptions, id);
  if (!pending || !subscription || pending.expires > scope.now()) return;
  dropPendingUpdate(scope, subscription);
  scope.emit('customer.subscription.pending_update_expired', subscription);
};

/** Bills a change now; it stands once that is paid, and waits on the subscription until then. */
export const changeOncePaid = (
  scope: Scope,
  subscription: Subscription,
  change: {
    readonly data: SubscriptionItem[];
    readonly anchor: number | undefined;
    readonly isProrated: boolean;
  },
): void => {
  const { data, anchor, isProrated } = change;
  if (isProrated) addProrations(scope, subscription, prorationsOf(scope, subscription, data));
  const expires = Math.min(scope.now() + WAITS_SECONDS, periodOf(subscription).end);
  const invoice = draftInvoice(scope, subscription, {
    reason: 'subscription_update',
    hasItems: anchor !== undefined,
    items: data,
  });
  if (!invoice) return;
  scope.save<PendingUpdate>(pendingUpdates, {
    id: subscription.id,
    object: 'pending_update',
    invoice: invoice.id,
    expires,
    items: data,
    anchor: anchor ?? null,
  });
  scope.emit('invoice.created', invoice);
  finalize(scope, invoice);
  if (openPayment(scope, invoice)) collect(scope, invoice, { isAutomatic: true, isOffSession: false });
  if (!scope.find(pendingUpdates, subscription.id)) return;
  changeSubscription(scope, subscription, {
    pending_update: {
      billing_cycle_anchor: anchor ?? null,
      cancel_at_period_end: null,
      discount: null,
      discounts: null,
      expires_at: expires,
      metadata: null,
      subscription_items: data,
      trial_end: null,
      trial_from_plan: null,
    },
  });
  scope.schedule('subscription.pending_update_expires', expires - scope.now(), subscription.id);
};
