import type { Kind, StripeObject } from '../kind.js';
import { createdFilter, pageParams, required, text } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import type { PaymentMethod } from './payment-method.js';
import { type SetupIntent, setupIntents } from './setup-intent-row.js';

/** One try to confirm a set-up intent (Stripe: "The SetupAttempt object"). */
export interface SetupAttempt extends StripeObject {
  readonly object: 'setup_attempt';
  readonly application: null;
  readonly created: number;
  readonly customer: string | null;
  readonly customer_account: null;
  readonly flow_directions: null;
  readonly livemode: boolean;
  readonly on_behalf_of: null;
  readonly payment_method: string;
  payment_method_details: object;
  setup_error: object | null;
  readonly setup_intent: string;
  status: 'abandoned' | 'failed' | 'requires_action' | 'succeeded';
  readonly usage: string;
}
const setupAttempts: Kind<SetupAttempt> = {
  table: 'setup_attempt',
  indexes: ['setup_intent'],
  expandable: { customer: 'customer', payment_method: 'payment_method', setup_intent: 'setup_intent' },
};

const authenticated = {
  authentication_flow: 'challenge',
  electronic_commerce_indicator: '05',
  result: 'authenticated',
  result_reason: null,
  transaction_id: '9a2ab4ba-1f3f-4b1e-8a5e-1c4bb2b1d6a9',
  version: '2.2.0',
};

const detailsOf = ({ type, card }: PaymentMethod, isAuthenticated: boolean): object => {
  if (!card) return { [type]: {}, type };
  const { brand, checks, country, exp_month, exp_year, fingerprint, funding, last4 } = card;
  const seen = { brand, checks, country, exp_month, exp_year, fingerprint, funding, last4 };
  return {
    card: { ...seen, network: brand, three_d_secure: isAuthenticated ? authenticated : null, wallet: null },
    type,
  };
};

/** How a try went: the newest attempt of the intent, whose confirmation made it, moves on or a first one is made. */
export const noteAttempt = (
  scope: Scope,
  intent: SetupIntent,
  method: PaymentMethod,
  status: SetupAttempt['status'],
  error: object | null = null,
): void => {
  const latest = intent.latest_attempt === null ? undefined : scope.find(setupAttempts, intent.latest_attempt);
  const isContinued = latest?.status === 'requires_action';
  const made = scope.save<SetupAttempt>(setupAttempts, {
    id: isContinued ? latest.id : scope.newId('setatt'),
    object: 'setup_attempt',
    application: null,
    created: isContinued ? latest.created : scope.now(),
    customer: intent.customer,
    customer_account: null,
    flow_directions: null,
    livemode: scope.livemode,
    on_behalf_of: null,
    payment_method: method.id,
    payment_method_details: detailsOf(method, isContinued && status === 'succeeded'),
    setup_error: error,
    setup_intent: intent.id,
    status,
    usage: intent.usage,
  });
  intent.latest_attempt = made.id;
};

/** A try that waits for its customer is given up, since another one begins or the intent is cancelled. */
export const abandonAttempt = (scope: Scope, { latest_attempt: id }: SetupIntent): void => {
  const latest = id === null ? undefined : scope.find(setupAttempts, id);
  if (latest?.status === 'requires_action') scope.save(setupAttempts, { ...latest, status: 'abandoned' });
};

/** Attempts of set-up intents (Stripe: "List all SetupAttempts"). */
export const setupAttemptResource: Resource = {
  kinds: [setupAttempts],
  routes: [
    route({
      method: 'GET',
      path: '/v1/setup_attempts',
      params: { ...pageParams, created: createdFilter, setup_intent: required(text) },
      handle: (scope, { params }) =>
        scope.list(setupAttempts, {
          url: '/v1/setup_attempts',
          page: params,
          index: { field: 'setup_intent', value: scope.get(setupIntents, params.setup_intent, 'setup_intent').id },
        }),
    }),
  ],
};
