import { invalidRequest } from '../errors.js';
import { expandParam } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';

const account = (scope: Scope) => ({
  id: scope.account,
  object: 'account',
  business_profile: { name: 'Sandbox', support_email: null, url: null },
  business_type: 'company',
  capabilities: { card_payments: 'active', transfers: 'active' },
  charges_enabled: true,
  controller: { type: 'account' },
  country: 'US',
  created: 1_700_000_000,
  default_currency: 'usd',
  details_submitted: true,
  email: 'sandbox@example.com',
  payouts_enabled: true,
  settings: {
    dashboard: { display_name: 'Sandbox', timezone: 'Etc/UTC' },
    payments: { statement_descriptor: 'SANDBOX' },
  },
  type: 'standard',
});

/** The caller's own account (Stripe: "Retrieve account"): the way to check a key. */
export const accountResource: Resource = {
  kinds: [],
  routes: [
    route({ method: 'GET', path: '/v1/account', params: expandParam, handle: account }),
    route({
      method: 'GET',
      path: '/v1/accounts/:id',
      params: expandParam,
      handle: (scope, { id }) => {
        if (id === scope.account) return account(scope);
        throw invalidRequest(
          `The provided key does not have access to account '${id}' (or that account does not exist). Application access may have been revoked.`,
          { status: 403, code: 'account_invalid' },
        );
      },
    }),
  ],
};
