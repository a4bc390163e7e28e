import { invalidRequest, leftOut } from '../errors.js';
import {
  anything,
  boolean,
  clearable,
  expandParam,
  hash,
  integer,
  listOf,
  metadata,
  oneOf,
  type Param,
  required,
  text,
  unsupported,
  type Values,
} from '../params.js';
import { methodType } from '../payment-method-types.js';
import { amountParams, recurring } from './new-price.js';

/** A point in time in seconds, or `now`. */
const timeOrNow: Param<number | 'now'> = {
  parse: (value, path) => (value === 'now' ? 'now' : integer(0).parse(value, path)),
};

/** `cancel_at`: a time, or the end of the shortest or longest current period (Stripe: "Cancel subscriptions"). */
const cancelAt: Param<number | 'period_end'> = {
  parse: (value, path) => {
    if (value === 'max_billed_until') throw leftOut('cancelling when what was billed ends (max_billed_until)', path);
    return value === 'max_period_end' || value === 'min_period_end' ? 'period_end' : integer(0).parse(value, path);
  },
};

/** A switch that may be given as long as it is off. */
export const switchedOff = (what: string): Param<unknown> => ({
  parse: (value, path) => {
    if (typeof value === 'object' && value['enabled'] === 'true') throw leftOut(what, path);
    return value;
  },
});

/** A list or text that may be given as long as it is empty. */
export const empty = (what: string): Param<unknown> => ({
  parse: (value, path) => {
    if (value !== '') throw leftOut(what, path);
    return value;
  },
});

/** `collection_method`: the sandbox charges by itself only. */
export const automatic: Param<'charge_automatically'> = {
  parse: (value, path) => {
    if (value === 'send_invoice') throw leftOut('invoices that are sent (collection_method)', path);
    if (value !== 'charge_automatically')
      throw invalidRequest(`Invalid ${path}: must be one of charge_automatically, or send_invoice`, { param: path });
    return value;
  },
};

const itemPrice = {
  price: text,
  price_data: hash({ ...amountParams, product: required(text), recurring: required(recurring) }),
  plan: unsupported('plans; use prices'),
  quantity: integer(0),
  metadata,
  billing_thresholds: empty('billing thresholds'),
  current_trial: unsupported('trial offers'),
  discounts: empty('discounts'),
  tax_rates: empty('tax rates'),
} as const;

export const prorations = oneOf('always_invoice', 'create_prorations', 'none');

/** What create and update have in common. */
const common = {
  add_invoice_items: unsupported('extra items on the first invoice (add_invoice_items)'),
  application_fee_percent: unsupported('Connect'),
  automatic_tax: switchedOff('automatic tax'),
  billing_schedules: empty('billing schedules'),
  billing_thresholds: empty('billing thresholds'),
  cancel_at_period_end: boolean,
  collection_method: automatic,
  days_until_due: unsupported('invoices that are sent'),
  default_source: unsupported('sources'),
  default_tax_rates: empty('tax rates'),
  discounts: empty('discounts'),
  invoice_settings: unsupported('invoice settings of subscriptions'),
  metadata,
  off_session: boolean,
  on_behalf_of: unsupported('Connect'),
  payment_behavior: oneOf('allow_incomplete', 'default_incomplete', 'error_if_incomplete', 'pending_if_incomplete'),
  payment_settings: hash({
    payment_method_options: anything,
    payment_method_types: listOf(methodType),
    save_default_payment_method: oneOf('off', 'on_subscription'),
  }),
  pending_invoice_item_interval: empty('intervals of pending invoice items'),
  proration_behavior: prorations,
  transfer_data: unsupported('Connect'),
  trial_end: timeOrNow,
  trial_from_plan: boolean,
  trial_settings: hash({
    end_behavior: required(
      hash({
        billing_cycle_anchor: unsupported('billing cycle anchors at the end of trials'),
        missing_payment_method: required(oneOf('cancel', 'create_invoice', 'pause')),
      }),
    ),
  }),
  ...expandParam,
} as const;

export const createParams = {
  ...common,
  backdate_start_date: unsupported('backdated subscriptions'),
  billing_cycle_anchor: unsupported('billing cycle anchors other than the start'),
  billing_cycle_anchor_config: unsupported('billing cycle anchors other than the start'),
  billing_mode: anything,
  cancel_at: cancelAt,
  currency: text,
  customer: required(text),
  customer_account: unsupported('customer accounts'),
  default_payment_method: text,
  description: text,
  items: required(listOf(hash(itemPrice), 20)),
  trial_period_days: integer(1),
} as const;
export type CreateValues = Values<typeof createParams>;

/** Items of a subscription that goes on. */
export const changedItems = listOf(hash({ ...itemPrice, id: text, deleted: boolean, clear_usage: boolean }), 20);

export const updateParams = {
  ...common,
  billing_cycle_anchor: unsupported('resetting the billing cycle anchor'),
  cancel_at: clearable(cancelAt),
  cancellation_details: hash({
    comment: clearable(text),
    feedback: clearable(text),
    feedback_option: unsupported('feedback options'),
  }),
  default_payment_method: clearable(text),
  description: clearable(text),
  items: changedItems,
  pause_collection: clearable(
    hash({ behavior: required(oneOf('keep_as_draft', 'mark_uncollectible', 'void')), resumes_at: integer(0) }),
  ),
  proration_date: unsupported('proration dates'),
} as const;
export type UpdateValues = Values<typeof updateParams>;
export type ItemValues = NonNullable<UpdateValues['items']>[number];
