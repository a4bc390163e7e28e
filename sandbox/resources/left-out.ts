import { leftOut } from '../errors.js';
import type { Resource, Route } from '../resource.js';

/** What isn't there of the nouns that the sandbox has: path, where `:` stands for an id and a `*` at the end for any rest, and what to say. */
const OF_SERVED_NOUNS: readonly (readonly [path: string, what: string])[] = [
  ['/v1/accounts*', 'Connect'],
  ['/v1/billing_portal/configurations*', 'portal configurations'],
  ['/v1/charges', 'direct charges; create a payment intent'],
  ['/v1/customers/:/balance_transactions/:', 'changing balance transactions'],
  ['/v1/customers/:/cash_balance', 'cash balances'],
  ['/v1/customers/:/cash_balance_transactions*', 'cash balances'],
  ['/v1/customers/:/discount', 'discounts'],
  ['/v1/customers/:/funding_instructions', 'bank transfers'],
  ['/v1/customers/:/sources*', 'sources on customers'],
  ['/v1/customers/:/tax_ids*', 'tax ids'],
  ['/v1/invoices/:/add_lines', 'adding lines; create invoice items'],
  ['/v1/invoices/:/attach_payment', 'attaching payments to invoices'],
  ['/v1/invoices/:/lines/:', 'changing lines; update invoice items'],
  ['/v1/invoices/:/remove_lines', 'removing lines; delete invoice items'],
  ['/v1/invoices/:/send', 'sending invoices'],
  ['/v1/invoices/:/update_lines', 'changing lines; update invoice items'],
  ['/v1/payment_intents/:/amount_details_line_items', 'line items of payments'],
  ['/v1/payment_intents/:/apply_customer_balance', 'bank transfers'],
  ['/v1/payment_intents/:/increment_authorization', 'raising what was authorised'],
  ['/v1/payment_intents/:/verify_microdeposits', 'microdeposits'],
  ['/v1/products/:/features*', 'entitlements'],
  ['/v1/setup_intents/:/verify_microdeposits', 'microdeposits'],
  ['/v1/subscription_items*', 'items on their own; update and retrieve the subscription'],
  ['/v1/subscriptions/:/discount', 'discounts'],
  ['/v1/subscriptions/:/migrate', 'other billing modes'],
  ['/v1/test_helpers/test_clocks*', "test clocks; advance the sandbox's own with POST /_sandbox/clock"],
  ['/v1/test_helpers/*', 'test helpers; see the control doors under /_sandbox'],
];

/** Stripe's nouns that the sandbox hasn't, and those of its second API. */
const NOUNS = `
  account_links account_sessions apple_pay application_fees apps balance balance_settings billing climate
  confirmation_tokens country_specs coupons credit_notes customer_sessions entitlements ephemeral_keys exchange_rates
  file_links files financial_connections forwarding identity invoice_rendering_templates issuing linked_accounts link_account_sessions
  mandates payment_attempt_records payment_links payment_method_configurations payment_method_domains payment_records
  payouts plans product_catalog promotion_codes quotes radar reporting reviews shipping_rates sigma sources
  tax tax_codes tax_ids tax_rates terminal three_d_secure tokens topups transfers treasury
`
  .trim()
  .split(/\s+/);

const fits = (pattern: string, pathname: string): boolean => {
  const isOpen = pattern.endsWith('*');
  const wanted = (isOpen ? pattern.slice(0, -1) : pattern).replace(/\/$/, '').split('/');
  const given = pathname.split('/');
  return (
    (isOpen ? given.length >= wanted.length : given.length === wanted.length) &&
    wanted.every((segment, at) => (segment === ':' ? given[at] !== '' : segment === given[at]))
  );
};

/** What the sandbox leaves out at this path of Stripe's API; undefined for a path that Stripe hasn't either. */
export const leftOutAt = (pathname: string): string | undefined => {
  const [, version, noun = ''] = pathname.split('/');
  if (version === 'v2') return `Stripe's second API (${pathname})`;
  if (version === 'v1' && NOUNS.includes(noun)) return noun.replaceAll('_', ' ');
  return OF_SERVED_NOUNS.find(([pattern]) => fits(pattern, pathname))?.[1];
};

const LITERAL: readonly (readonly [Route['method'], string, string])[] = [
  ...['charges', 'customers', 'invoices', 'payment_intents', 'prices', 'products', 'subscriptions'].map(
    (noun) => ['GET', `/v1/${noun}/search`, 'search'] as const,
  ),
];

/** What would be taken for an object's id otherwise. */
export const leftOutResource: Resource = {
  kinds: [],
  routes: LITERAL.map(([method, path, what]) => ({
    method,
    path,
    publishable: false,
    params: {},
    prepare: () => {
      throw leftOut(what);
    },
  })),
};
