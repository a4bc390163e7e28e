import { nextPeriodEnd } from '../billing-period.js';
import { invalidRequest, leftOut } from '../errors.js';
import { expandParam, hash, integer, listOf, oneOf, type Param, text, unsupported, type Values } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import { invoiceItems } from './invoice-item-row.js';
import { collections, type Invoice, invoices } from './invoice-row.js';
import { itemLine, looseLine, newInvoice, recompute } from './new-invoice.js';
import { draftInvoiceItem } from './new-invoice-item.js';
import { prorationItem, prorationsOf } from './proration.js';
import { changedItems, prorations } from './subscription-params.js';
import { hasEnded, itemsIn, periodOf, type Subscription, subscriptions } from './subscription-row.js';
import { type ItemsChange, itemsChange } from './subscription-update.js';

const mode: Param<'next'> = {
  parse: (value, path) => {
    const wanted = oneOf('next', 'recurring').parse(value, path);
    if (wanted !== 'next') throw leftOut('previews without one-off lines (recurring)', path);
    return wanted;
  },
};

const params = {
  automatic_tax: unsupported('automatic tax'),
  currency: unsupported('previews without a subscription'),
  customer: text,
  customer_account: unsupported('customer accounts'),
  customer_details: unsupported('previews without a subscription'),
  discounts: unsupported('discounts'),
  invoice_items: listOf(unsupported('previews with extra items'), 20),
  issuer: unsupported('Connect'),
  on_behalf_of: unsupported('Connect'),
  preview_mode: mode,
  schedule: unsupported('previews of schedules'),
  schedule_details: unsupported('previews of schedules'),
  subscription: text,
  subscription_details: hash({
    billing_cycle_anchor: unsupported('resetting the billing cycle anchor'),
    billing_mode: unsupported('other billing modes'),
    billing_schedules: unsupported('billing schedules'),
    cancel_at: unsupported('previews of cancellations'),
    cancel_at_period_end: unsupported('previews of cancellations'),
    cancel_now: unsupported('previews of cancellations'),
    default_tax_rates: unsupported('tax rates'),
    items: changedItems,
    metadata: unsupported('metadata of previews'),
    pause: unsupported('previews of pauses'),
    proration_behavior: prorations,
    proration_date: integer(0),
    resume_at: unsupported('previews of resumptions'),
    start_date: unsupported('previews without a subscription'),
    trial_end: unsupported('previews of trials'),
  }),
  ...expandParam,
} as const;
type PreviewValues = Values<typeof params>;

const fill = (
  scope: Scope,
  invoice: Invoice,
  subscription: Subscription,
  {
    change,
    behaviour,
  }: { change: ItemsChange | undefined; behaviour: 'always_invoice' | 'create_prorations' | 'none' },
): void => {
  const isTrial = subscription.status === 'trialing';
  const isNow = !isTrial && change !== undefined && (behaviour === 'always_invoice' || change.anchor !== undefined);
  const after = change?.data ?? subscription.items.data;
  const waiting = scope
    .all(invoiceItems, 'customer', subscription.customer)
    .filter((item) => item.invoice === null && item.parent?.subscription_details.subscription === subscription.id);
  const prorated = !change || isTrial || behaviour === 'none' ? [] : prorationsOf(scope, subscription, change.data);
  const { end: start } = periodOf(subscription);
  const rhythm = after[0]?.price.recurring;
  const end = rhythm ? nextPeriodEnd(subscription.billing_cycle_anchor, rhythm, start) : start;
  const periods = isNow ? (change?.anchor === undefined ? [] : after) : itemsIn(after, start, end);
  invoice.lines.data = [
    ...periods.map((item) =>
      itemLine(scope, invoice.id, item, { start: item.current_period_start, end: item.current_period_end }, false),
    ),
    ...[...waiting, ...prorated.map((line) => draftInvoiceItem(scope, prorationItem(subscription, line)))].map((item) =>
      looseLine(scope, invoice.id, item),
    ),
  ];
};

/** The next invoice of a subscription, as it would be after a change (Stripe: "Create a preview invoice"). Nothing is kept of it. */
const preview = (scope: Scope, values: PreviewValues): Invoice => {
  if (values.subscription === undefined)
    throw invalidRequest('The sandbox previews invoices of subscriptions alone: give `subscription`.', {
      param: 'subscription',
    });
  const subscription = scope.get(subscriptions, values.subscription, 'subscription');
  if (hasEnded(subscription))
    throw invalidRequest('You cannot preview the upcoming invoice for a canceled subscription.', {
      code: 'invoice_upcoming_none',
    });
  const { items, proration_behavior: behaviour = 'create_prorations' } = values.subscription_details ?? {};
  const change = items ? itemsChange(scope, subscription, items) : undefined;
  const customer = scope.get(customers, subscription.customer, 'customer');
  const isChanged = change !== undefined && (behaviour === 'always_invoice' || change.anchor !== undefined);
  const invoice = newInvoice(scope, {
    customer,
    currency: subscription.currency,
    reason: isChanged ? 'subscription_update' : 'subscription_cycle',
    subscription,
    autoAdvance: true,
  });
  scope.remove(invoices, invoice.id);
  scope.remove(collections, invoice.id);
  fill(scope, invoice, subscription, { change, behaviour });
  recompute(scope, invoice);
  return invoice;
};

export const invoicePreviewResource: Resource = {
  kinds: [],
  routes: [
    route({
      method: 'POST',
      path: '/v1/invoices/create_preview',
      params,
      handle: (scope, { params: values }) => preview(scope, values),
    }),
  ],
};
