import type { Caller } from '../accounts.js';
import { invalidRequest } from '../errors.js';
import { createdFilter, expandParam, oneOf, pageParams, text, unsupported, withMetadata } from '../params.js';
import { type Resource, route } from '../resource.js';
import { customers } from './customer-row.js';
import { cancelSetup, confirm, createSetup, takeMethod, wrongState } from './setup-intent-flow.js';
import { attributes, confirmation, createParams, shared } from './setup-intent-params.js';
import { type SetupIntent, setupIntents } from './setup-intent-row.js';

const checkSecret = (intent: SetupIntent, given: string | undefined, caller: Caller): void => {
  if (given === undefined && caller.publishable)
    throw invalidRequest('Missing required param: client_secret.', {
      code: 'parameter_missing',
      param: 'client_secret',
    });
  if (given !== undefined && given !== intent.client_secret)
    throw invalidRequest('The client_secret provided does not match any associated SetupIntent on this account.', {
      code: 'setup_intent_invalid_parameter',
      param: 'client_secret',
    });
};

/** Setup intents (Stripe: "The SetupIntent object"). */
export const setupIntentResource: Resource = {
  kinds: [setupIntents],
  routes: [
    route({
      method: 'POST',
      path: '/v1/setup_intents',
      params: createParams,
      handle: (scope, { params }) => createSetup(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/setup_intents',
      params: {
        ...pageParams,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        payment_method: text,
        attach_to_self: unsupported('attach_to_self'),
      },
      handle: (scope, { params }) => {
        const byMethod =
          params.payment_method === undefined
            ? undefined
            : { field: 'payment_method' as const, value: params.payment_method };
        return scope.list(setupIntents, {
          url: '/v1/setup_intents',
          page: params,
          index: params.customer === undefined ? byMethod : { field: 'customer', value: params.customer },
          where: ({ payment_method: method }) =>
            params.payment_method === undefined || method === params.payment_method,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/setup_intents/:id',
      publishable: true,
      params: { ...expandParam, client_secret: text },
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(setupIntents, id);
        checkSecret(intent, params.client_secret, caller);
        return intent;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id',
      params: { ...shared, ...attributes },
      handle: (scope, { id, params }) => {
        const intent = scope.get(setupIntents, id);
        if (intent.status === 'succeeded' || intent.status === 'canceled')
          if (params.payment_method !== undefined || params.customer !== undefined)
            throw wrongState(
              intent,
              `This SetupIntent could not be updated because it has a status of ${intent.status}.`,
            );
        if (params.customer !== undefined) intent.customer = scope.get(customers, params.customer, 'customer').id;
        if (params.description !== undefined) intent.description = params.description;
        intent.metadata = withMetadata(intent.metadata, params.metadata);
        takeMethod(scope, intent, params);
        return scope.save(setupIntents, intent);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id/confirm',
      publishable: true,
      params: { ...shared, ...confirmation, client_secret: text },
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(setupIntents, id);
        checkSecret(intent, params.client_secret, caller);
        takeMethod(scope, intent, params);
        scope.save(setupIntents, intent);
        confirm(scope, intent, params.return_url);
        return intent;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id/cancel',
      params: { cancellation_reason: oneOf('abandoned', 'duplicate', 'requested_by_customer'), ...expandParam },
      handle: (scope, { id, params }) => {
        const intent = scope.get(setupIntents, id);
        cancelSetup(scope, intent, params.cancellation_reason ?? null);
        return intent;
      },
    }),
  ],
};
