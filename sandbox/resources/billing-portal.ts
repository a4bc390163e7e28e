import { randomText } from '../ids.js';
import type { Kind, StripeObject } from '../kind.js';
import { expandParam, hash, oneOf, type Param, required, text, unsupported } from '../params.js';
import { type Resource, route } from '../resource.js';
import { customers } from './customer-row.js';
import { portalPlans } from './portal-plan.js';

/** What the page leads to at once. */
interface PortalFlow {
  readonly after_completion: {
    readonly hosted_confirmation: null;
    readonly redirect: null;
    readonly type: 'portal_homepage';
  };
  readonly customer_update: null;
  readonly subscription_cancel: null;
  readonly subscription_pause: null;
  readonly subscription_update: null;
  readonly subscription_update_confirm: null;
  readonly type: 'payment_method_update';
}

const METHOD_UPDATE: PortalFlow = {
  after_completion: { hosted_confirmation: null, redirect: null, type: 'portal_homepage' },
  customer_update: null,
  subscription_cancel: null,
  subscription_pause: null,
  subscription_update: null,
  subscription_update_confirm: null,
  type: 'payment_method_update',
};

/** A link with which a customer manages subscriptions (Stripe: "The portal session object"). */
export interface PortalSession extends StripeObject {
  readonly object: 'billing_portal.session';
  readonly configuration: string;
  readonly created: number;
  readonly customer: string;
  readonly customer_account: null;
  readonly flow: PortalFlow | null;
  readonly livemode: boolean;
  readonly locale: string | null;
  readonly on_behalf_of: null;
  readonly return_url: string | null;
  readonly url: string;
}
/** Stripe's flows that the sandbox leaves out. */
const OTHER_FLOWS: readonly unknown[] = [
  'customer_update',
  'subscription_cancel',
  'subscription_pause',
  'subscription_update',
  'subscription_update_confirm',
];
const flowType: Param<'payment_method_update'> = {
  parse: (value, path) =>
    OTHER_FLOWS.includes(value)
      ? unsupported('portal flows other than payment_method_update').parse(value, path)
      : oneOf('payment_method_update').parse(value, path),
};

export const portalSessions: Kind<PortalSession> = { table: 'billing_portal.session' };

/** Sessions of the customer portal (Stripe: "Create a portal session"). */
export const billingPortalResource: Resource = {
  kinds: [portalSessions, portalPlans],
  routes: [
    route({
      method: 'POST',
      path: '/v1/billing_portal/sessions',
      params: {
        after_expiration: unsupported('what follows an expired portal session'),
        configuration: unsupported('portal configurations'),
        customer: required(text),
        customer_account: unsupported('customer accounts'),
        flow_data: hash({
          after_completion: unsupported('what follows a portal flow'),
          subscription_cancel: unsupported('portal flows other than payment_method_update'),
          subscription_pause: unsupported('portal flows other than payment_method_update'),
          subscription_update: unsupported('portal flows other than payment_method_update'),
          subscription_update_confirm: unsupported('portal flows other than payment_method_update'),
          type: required(flowType),
        }),
        locale: text,
        on_behalf_of: unsupported('Connect'),
        return_url: text,
        ...expandParam,
      },
      handle: (scope, { params }) => {
        const id = `bps_1${randomText(23)}`;
        const session = scope.save<PortalSession>(portalSessions, {
          id,
          object: 'billing_portal.session',
          configuration: 'bpc_1Sandbox',
          created: scope.now(),
          customer: scope.get(customers, params.customer, 'customer').id,
          customer_account: null,
          flow: params.flow_data ? METHOD_UPDATE : null,
          livemode: scope.livemode,
          locale: params.locale ?? null,
          on_behalf_of: null,
          return_url: params.return_url ?? null,
          url: `${scope.baseUrl}/_sandbox/portal/${id}`,
        });
        scope.emit('billing_portal.session.created', session);
        return session;
      },
    }),
  ],
};
