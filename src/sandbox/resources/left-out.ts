import { leftOut } from '../errors.js';
import type { Resource, Route } from '../resource.js';

const OWN_CLOCK = "test clocks; advance the sandbox's own with POST /_sandbox/clock";

const LEFT_OUT: readonly (readonly [Route['method'], string, string])[] = [
  ['GET', '/v1/customers/search', 'search'],
  ['GET', '/v1/invoices/search', 'search'],
  ['GET', '/v1/prices/search', 'search'],
  ['GET', '/v1/products/search', 'search'],
  ['GET', '/v1/subscriptions/search', 'search'],
  ['POST', '/v1/coupons', 'coupons'],
  ['GET', '/v1/coupons', 'coupons'],
  ['GET', '/v1/coupons/:id', 'coupons'],
  ['POST', '/v1/coupons/:id', 'coupons'],
  ['DELETE', '/v1/coupons/:id', 'coupons'],
  ['DELETE', '/v1/customers/:id/discount', 'discounts'],
  ['DELETE', '/v1/subscriptions/:id/discount', 'discounts'],
  ['POST', '/v1/subscriptions/:id/migrate', 'other billing modes'],
  ['POST', '/v1/subscription_items', 'changing items on their own; update the subscription'],
  ['GET', '/v1/subscription_items/:id', 'reading items on their own; retrieve the subscription'],
  ['POST', '/v1/subscription_items/:id', 'changing items on their own; update the subscription'],
  ['DELETE', '/v1/subscription_items/:id', 'changing items on their own; update the subscription'],
  ['POST', '/v1/invoices/create_preview', 'previews of invoices'],
  ['POST', '/v1/invoices/:id/add_lines', 'adding lines; create invoice items'],
  ['POST', '/v1/invoices/:id/update_lines', 'changing lines; update invoice items'],
  ['POST', '/v1/invoices/:id/remove_lines', 'removing lines; delete invoice items'],
  ['POST', '/v1/invoices/:id/lines/:line', 'changing lines; update invoice items'],
  ['POST', '/v1/invoices/:id/attach_payment', 'attaching payments to invoices'],
  ['POST', '/v1/invoices/:id/send', 'sending invoices'],
  ['GET', '/v1/products/:id/features', 'entitlements'],
  ['POST', '/v1/products/:id/features', 'entitlements'],
  ['GET', '/v1/products/:id/features/:feature', 'entitlements'],
  ['DELETE', '/v1/products/:id/features/:feature', 'entitlements'],
  ['POST', '/v1/customers/:customer/balance_transactions/:id', 'changing balance transactions'],
  ['GET', '/v1/test_helpers/test_clocks', OWN_CLOCK],
  ['POST', '/v1/test_helpers/test_clocks', OWN_CLOCK],
  ['GET', '/v1/test_helpers/test_clocks/:id', OWN_CLOCK],
  ['DELETE', '/v1/test_helpers/test_clocks/:id', OWN_CLOCK],
  ['POST', '/v1/test_helpers/test_clocks/:id/advance', OWN_CLOCK],
];

/** What Stripe's API has and the sandbox leaves out: said plainly, instead of an unknown URL. */
export const leftOutResource: Resource = {
  kinds: [],
  routes: LEFT_OUT.map(([method, path, what]) => ({
    method,
    path,
    publishable: false,
    params: {},
    prepare: () => {
      throw leftOut(what);
    },
  })),
};
