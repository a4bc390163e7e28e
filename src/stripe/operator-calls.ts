import type Stripe from 'stripe';
import { z } from 'zod';
import { type Answer, type Caller, NotAnAnswerError, StripeCallError } from './answer.js';
import { STRIPE_API_VERSION } from './client.js';
import { parse, shapes } from './shape.js';

/** What a webhook endpoint is made with. */
export interface WebhookEndpointRequest {
  readonly installation: string;
  readonly url: string;
  /** Types of events, exactly these. */
  readonly eventTypes: readonly string[];
}

/** An intent and the secret with which a publishable key of the same account may read it. */
export interface IntentSample {
  readonly kind: 'payment_intent' | 'setup_intent';
  readonly id: string;
  readonly clientSecret: string;
}

const ACCOUNT = z.object({ id: shapes.id });
const ENDPOINT = z.object({
  id: shapes.id,
  url: z.string(),
  status: z.string(),
  enabled_events: z.array(z.string()),
  api_version: z.string().nullish(),
  metadata: shapes.metadata,
  secret: z.string().optional(),
});
const INTENT = z.object({ id: shapes.id, client_secret: z.string().nullish() });
const EVENT = z.object({ id: shapes.id, type: z.string(), created: shapes.time });

/** A webhook endpoint as Stripe has it; `secret` only in the answer that made it. */
export type EndpointAtStripe = z.infer<typeof ENDPOINT>;
/** What of an event is reliable, whichever API version it was made in. */
export type RecentEvent = z.infer<typeof EVENT>;

/** The calls of setting up and looking after: the account, its webhook endpoints, its keys. All throw StripeCallError. */
export interface OperatorCalls {
  /** The account that the key belongs to; the answer's time tells Stripe's clock. */
  account(): Promise<Answer<{ readonly id: string }>>;
  /** The id of the account that the key belongs to. */
  accountId(): Promise<string>;
  /** Every endpoint of the account in this mode; there are 16 at the most. */
  listWebhookEndpoints(): Promise<readonly EndpointAtStripe[]>;
  /** Only this answer ever carries the endpoint's secret; the same key gives the same answer again for 24 hours. */
  createWebhookEndpoint(request: WebhookEndpointRequest, idempotencyKey: string): Promise<EndpointAtStripe>;
  /** Gives the endpoint this address and these events, and enables it. Twice changes nothing more. */
  updateWebhookEndpoint(id: string, request: WebhookEndpointRequest, idempotencyKey: string): Promise<EndpointAtStripe>;
  /** Twice is harmless: one that is gone already counts as deleted. */
  deleteWebhookEndpoint(id: string): Promise<void>;
  /** An intent of the account that a publishable key can be tried on; undefined while there is none. */
  sampleIntent(): Promise<IntentSample | undefined>;
  /** Makes an unconfirmed setup intent for `readIntent`; `discardIntent` ends it. */
  createSampleIntent(idempotencyKey: string): Promise<IntentSample | undefined>;
  discardIntent(id: string): Promise<void>;
  /** Reads the intent as a browser would; resolves only for a publishable key of the intent's account and mode. */
  readIntent(sample: IntentSample): Promise<void>;
  /** The newest events, at most 100, made since `since` (unix seconds), newest first: ids and types alone are reliable. */
  recentEvents(since: number): Promise<readonly RecentEvent[]>;
}

const MOST_ON_A_PAGE = 100;

const parseList = <T>(schema: z.ZodType<T>, kind: string, list: unknown): T[] =>
  parse(z.object({ data: z.array(schema) }), `list of each ${kind}`, list).data;

const parseEndpoint = (endpoint: unknown, knownId?: string): EndpointAtStripe => {
  const parsed = parse(ENDPOINT, 'webhook endpoint', endpoint);
  if (knownId !== undefined && parsed.id !== knownId)
    throw new NotAnAnswerError(`the webhook endpoint ${parsed.id} in place of ${knownId}`);
  return parsed;
};

/** Another one's secret would open nothing: deliveries to ours would be refused. */
const assertMade = ({ id, url, metadata }: EndpointAtStripe, wanted: WebhookEndpointRequest): void => {
  if (url !== wanted.url || metadata?.['tollgate_installation'] !== wanted.installation)
    throw new NotAnAnswerError(`the webhook endpoint ${id} is not the one that was to be made`);
};

const sampleOf = (kind: IntentSample['kind'], { id, client_secret: secret }: z.infer<typeof INTENT>) =>
  secret == null ? undefined : { kind, id, clientSecret: secret };

const createAccountCalls = (
  stripe: Stripe,
  { read }: Pick<Caller, 'read'>,
): Pick<OperatorCalls, 'account' | 'accountId'> => {
  const account = async () => {
    const { object, at } = await read('account', (options) => stripe.accounts.retrieveCurrent({}, options));
    return { object: parse(ACCOUNT, 'account', object), at };
  };
  return { account, accountId: async () => (await account()).object.id };
};

/** Binds the calls to one client. */
export const createOperatorCalls = (stripe: Stripe, { read, write }: Caller): OperatorCalls => ({
  ...createAccountCalls(stripe, { read }),

  async listWebhookEndpoints() {
    const answer = await read('list', (options) => stripe.webhookEndpoints.list({ limit: MOST_ON_A_PAGE }, options));
    return parseList(ENDPOINT, 'webhook endpoint', answer.object);
  },

  async createWebhookEndpoint(request, idempotencyKey) {
    const { installation, url, eventTypes } = request;
    const { object } = await write('webhook_endpoint', (options) =>
      stripe.webhookEndpoints.create(
        {
          url,
          enabled_events: eventTypes as Stripe.WebhookEndpointCreateParams.EnabledEvent[],
          api_version: STRIPE_API_VERSION as Stripe.WebhookEndpointCreateParams.ApiVersion,
          description: 'Tollgate',
          metadata: { tollgate_installation: installation },
        },
        { ...options, idempotencyKey },
      ),
    );
    const made = parseEndpoint(object);
    assertMade(made, request);
    return made;
  },

  async updateWebhookEndpoint(id, { url, eventTypes }, idempotencyKey) {
    const { object } = await write('webhook_endpoint', (options) =>
      stripe.webhookEndpoints.update(
        id,
        {
          url,
          enabled_events: eventTypes as Stripe.WebhookEndpointUpdateParams.EnabledEvent[],
          disabled: false,
        },
        { ...options, idempotencyKey },
      ),
    );
    return parseEndpoint(object, id);
  },

  async deleteWebhookEndpoint(id) {
    await write('webhook_endpoint', (options) => stripe.webhookEndpoints.del(id, {}, options)).catch(
      (error: unknown) => {
        if (!(error instanceof StripeCallError) || error.status !== 404) throw error;
      },
    );
  },

  async sampleIntent() {
    const answer = await read('list', (options) => stripe.paymentIntents.list({ limit: 1 }, options));
    const [intent] = parseList(INTENT, 'payment intent', answer.object);
    return intent && sampleOf('payment_intent', intent);
  },

  async createSampleIntent(idempotencyKey) {
    const { object } = await write('setup_intent', (options) =>
      stripe.setupIntents.create(
        { description: 'Tollgate checks that both keys belong to one account' },
        { ...options, idempotencyKey },
      ),
    );
    return sampleOf('setup_intent', parse(INTENT, 'setup intent', object));
  },

  async discardIntent(id) {
    await write('setup_intent', (options) => stripe.setupIntents.cancel(id, {}, options));
  },

  async readIntent({ kind, id, clientSecret }) {
    const params = { client_secret: clientSecret };
    if (kind === 'payment_intent') await read(kind, (options) => stripe.paymentIntents.retrieve(id, params, options));
    else await read(kind, (options) => stripe.setupIntents.retrieve(id, params, options));
  },

  async recentEvents(since) {
    const answer = await read('list', (options) =>
      stripe.events.list({ limit: MOST_ON_A_PAGE, created: { gte: since } }, options),
    );
    return parseList(EVENT, 'event', answer.object);
  },
});
