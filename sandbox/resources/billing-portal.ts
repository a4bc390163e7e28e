import { randomText } from '../ids.js';
import type { Kind, StripeObject } from '../kind.js';
import { expandParam, required, text, unsupported } from '../params.js';
import { type Resource, route } from '../resource.js';
import { customers } from './customer-row.js';

/** A link with which a customer manages subscriptions (Stripe: "The portal session object"). */
export interface PortalSession extends StripeObject {
  readonly object: 'billing_portal.session';
  readonly configuration: string;
  readonly created: number;
  readonly customer: string;
  readonly customer_account: null;
  readonly flow: null;
  readonly livemode: boolean;
  readonly locale: string | null;
  readonly on_behalf_of: null;
  readonly return_url: string | null;
  readonly url: string;
}
const portalSessions: Kind<PortalSession> = { table: 'billing_portal.session' };

/** Sessions of the customer portal (Stripe: "Create a portal session"). */
export const billingPortalResource: Resource = {
  kinds: [portalSessions],
  routes: [
    route({
      method: 'POST',
      path: '/v1/billing_portal/sessions',
      params: {
        after_expiration: unsupported('what follows an expired portal session'),
        configuration: unsupported('portal configurations'),
        customer: required(text),
        customer_account: unsupported('customer accounts'),
        flow_data: unsupported('portal flows'),
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
          flow: null,
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
