import { pageOf } from '../lists.js';
import {
  createdFilter,
  expandParam,
  hash,
  metadata,
  oneOf,
  pageParams,
  required,
  text,
  unsupported,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import { checkoutReactions, expireCheckout, expireWhenDue } from './checkout-flow.js';
import { checkoutItems, checkoutPlans, checkoutSessions } from './checkout-session-row.js';
import { createCheckoutSession, createParams } from './new-checkout-session.js';

/** Checkout Sessions (Stripe: "The Session object"). */
export const checkoutSessionResource: Resource = {
  kinds: [checkoutSessions, checkoutPlans, checkoutItems],
  routes: [
    route({
      method: 'POST',
      path: '/v1/checkout/sessions',
      params: createParams,
      handle: (scope, { params }) => createCheckoutSession(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/checkout/sessions',
      params: {
        ...pageParams,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        customer_details: hash({ email: required(text) }),
        payment_intent: text,
        payment_link: unsupported('payment links'),
        status: oneOf('complete', 'expired', 'open'),
        subscription: text,
      },
      handle: (scope, { params }) => {
        const { customer, payment_intent: intent, subscription, status, customer_details: details } = params;
        const field =
          intent !== undefined
            ? { field: 'payment_intent' as const, value: intent }
            : subscription !== undefined
              ? { field: 'subscription' as const, value: subscription }
              : customer !== undefined
                ? { field: 'customer' as const, value: customer }
                : undefined;
        return scope.list(checkoutSessions, {
          url: '/v1/checkout/sessions',
          page: params,
          index: field,
          where: (row) =>
            (status === undefined || row.status === status) &&
            (customer === undefined || row.customer === customer) &&
            (subscription === undefined || row.subscription === subscription) &&
            (details === undefined || row.customer_details?.email === details.email),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/checkout/sessions/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(checkoutSessions, id),
    }),
    route({
      method: 'POST',
      path: '/v1/checkout/sessions/:id',
      params: {
        collected_information: unsupported('collected information'),
        line_items: unsupported('changing the line items of a session'),
        metadata,
        payment_intent_data: unsupported('changing the payment of a session'),
        shipping_options: unsupported('shipping options'),
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const session = scope.get(checkoutSessions, id);
        session.metadata = withMetadata(session.metadata, params.metadata);
        return scope.save(checkoutSessions, session);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/checkout/sessions/:id/expire',
      params: expandParam,
      handle: (scope, { id }) => {
        const session = scope.get(checkoutSessions, id);
        expireCheckout(scope, session);
        return session;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/checkout/sessions/:id/line_items',
      params: pageParams,
      handle: (scope, { id, params }) => {
        const { items } = scope.get(checkoutPlans, scope.get(checkoutSessions, id).id);
        return pageOf(items, `/v1/checkout/sessions/${id}/line_items`, { page: params, noun: 'line item' });
      },
    }),
  ],
  tasks: { 'checkout.session.expire': { run: expireWhenDue } },
  reactions: checkoutReactions,
};
