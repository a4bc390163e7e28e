import { invalidRequest } from '../errors.js';
import { EVENT_TYPES } from '../event-types.js';
import { randomText } from '../ids.js';
import type { Kind, StripeObject } from '../kind.js';
import {
  boolean,
  clearable,
  expandParam,
  listOf,
  metadata,
  oneOf,
  pageParams,
  required,
  text,
  unsupported,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { API_VERSIONS } from '../version.js';

export interface WebhookEndpoint extends StripeObject {
  readonly object: 'webhook_endpoint';
  readonly api_version: string | null;
  readonly application: null;
  readonly created: number;
  description: string | null;
  enabled_events: string[];
  readonly livemode: boolean;
  metadata: Record<string, string>;
  status: 'enabled' | 'disabled';
  url: string;
}
export interface WebhookSecret extends StripeObject {
  readonly secret: string;
}
export const webhookEndpoints: Kind<WebhookEndpoint> = { table: 'webhook_endpoint', noun: 'webhook endpoint' };
/** Signing secrets, kept apart: Stripe shows them at creation only. */
export const webhookSecrets: Kind<WebhookSecret> = { table: 'webhook_secret' };

const MOST = 16;
const enabledEvents = listOf(oneOf('*', ...EVENT_TYPES));

const checkUrl = (url: string): string => {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidRequest('Invalid URL: An explicit scheme (such as https) must be provided.', {
      code: 'url_invalid',
      param: 'url',
    });
  return url;
};

const checkEvents = (events: string[]): string[] => {
  if (events.length === 0)
    throw invalidRequest('Invalid array: enabled_events must not be empty', { param: 'enabled_events' });
  if (events.includes('*') && events.length > 1)
    throw invalidRequest("You may not specify other events when enabling all events with '*'.", {
      param: 'enabled_events',
    });
  return events;
};

const create = (
  scope: Scope,
  values: {
    url: string;
    enabled_events: string[];
    api_version?: string;
    description?: string | null;
    metadata?: Record<string, string | null> | null;
  },
) => {
  if (scope.count(webhookEndpoints) >= MOST)
    throw invalidRequest(
      `You have reached the maximum of ${MOST} ${scope.livemode ? 'live' : 'test'} webhook endpoints.`,
    );
  const endpoint = scope.save<WebhookEndpoint>(webhookEndpoints, {
    id: scope.newId('we'),
    object: 'webhook_endpoint',
    api_version: values.api_version ?? null,
    application: null,
    created: scope.now(),
    description: values.description ?? null,
    enabled_events: checkEvents(values.enabled_events),
    livemode: scope.livemode,
    metadata: withMetadata({}, values.metadata),
    status: 'enabled',
    url: checkUrl(values.url),
  });
  const { secret } = scope.save(webhookSecrets, {
    id: endpoint.id,
    object: 'webhook_secret',
    secret: `whsec_${randomText(24)}`,
  });
  return { ...endpoint, secret };
};

/** Webhook endpoints (Stripe: "The Webhook Endpoint object"): 16 at most, the secret returned only at creation. */
export const webhookEndpointResource: Resource = {
  kinds: [webhookEndpoints, webhookSecrets],
  routes: [
    route({
      method: 'POST',
      path: '/v1/webhook_endpoints',
      params: {
        url: required(text),
        enabled_events: required(enabledEvents),
        api_version: oneOf(...API_VERSIONS),
        description: clearable(text),
        metadata,
        connect: unsupported('Connect'),
        ...expandParam,
      },
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/webhook_endpoints',
      params: pageParams,
      handle: (scope, { params }) => scope.list(webhookEndpoints, { url: '/v1/webhook_endpoints', page: params }),
    }),
    route({
      method: 'GET',
      path: '/v1/webhook_endpoints/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(webhookEndpoints, id),
    }),
    route({
      method: 'POST',
      path: '/v1/webhook_endpoints/:id',
      params: {
        url: text,
        enabled_events: enabledEvents,
        disabled: boolean,
        description: clearable(text),
        metadata,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const endpoint = scope.get(webhookEndpoints, id);
        if (params.url !== undefined) endpoint.url = checkUrl(params.url);
        if (params.enabled_events) endpoint.enabled_events = checkEvents(params.enabled_events);
        if (params.disabled !== undefined) endpoint.status = params.disabled ? 'disabled' : 'enabled';
        if (params.description !== undefined) endpoint.description = params.description;
        endpoint.metadata = withMetadata(endpoint.metadata, params.metadata);
        return scope.save(webhookEndpoints, endpoint);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/webhook_endpoints/:id',
      params: {},
      handle: (scope, { id }) => {
        scope.get(webhookEndpoints, id);
        scope.remove(webhookEndpoints, id);
        scope.remove(webhookSecrets, id);
        return { id, object: 'webhook_endpoint', deleted: true };
      },
    }),
  ],
};
