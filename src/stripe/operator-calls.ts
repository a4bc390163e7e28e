import type Stripe from 'stripe';
import { type Answer, type Caller, StripeCallError } from './answer.js';
import { STRIPE_API_VERSION } from './client.js';

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

/** The calls of setting up and looking after: the account, its webhook endpoints, its keys. All throw StripeCallError. */
export interface OperatorCalls {
  /** The account that the key belongs to; the answer's time tells Stripe's clock. */
  account(): Promise<Answer<Stripe.Account>>;
  /** Every endpoint of the account in this mode; there are 16 at the most. */
  listWebhookEndpoints(): Promise<readonly Stripe.WebhookEndpoint[]>;
  /** Only this answer ever carries the endpoint's secret; the same key gives the same answer again for 24 hours. */
  createWebhookEndpoint(
    request: WebhookEndpointRequest,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.WebhookEndpoint>>;
  /** Gives the endpoint this address and these events, and enables it. Twice changes nothing more. */
  updateWebhookEndpoint(
    id: string,
    request: WebhookEndpointRequest,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.WebhookEndpoint>>;
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
  recentEvents(since: number): Promise<readonly Stripe.Event[]>;
}

const MOST_ON_A_PAGE = 100;

/** Binds the calls to one client. */
export const createOperatorCalls = (stripe: Stripe, { read, write }: Caller): OperatorCalls => ({
  account: () => read('account', (options) => stripe.accounts.retrieveCurrent({}, options)),

  async listWebhookEndpoints() {
    const answer = await read('list', (options) => stripe.webhookEndpoints.list({ limit: MOST_ON_A_PAGE }, options));
    return (answer.object as Stripe.ApiList<Stripe.WebhookEndpoint>).data;
  },

  createWebhookEndpoint: ({ installation, url, eventTypes }, idempotencyKey) =>
    write('webhook_endpoint', (options) =>
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
    ),

  updateWebhookEndpoint: (id, { url, eventTypes }, idempotencyKey) =>
    write('webhook_endpoint', (options) =>
      stripe.webhookEndpoints.update(
        id,
        {
          url,
          enabled_events: eventTypes as Stripe.WebhookEndpointUpdateParams.EnabledEvent[],
          disabled: false,
        },
        { ...options, idempotencyKey },
      ),
    ),

  async deleteWebhookEndpoint(id) {
    await write('webhook_endpoint', (options) => stripe.webhookEndpoints.del(id, {}, options)).catch(
      (error: unknown) => {
        if (!(error instanceof StripeCallError) || error.status !== 404) throw error;
      },
    );
  },

  async sampleIntent() {
    const answer = await read('list', (options) => stripe.paymentIntents.list({ limit: 1 }, options));
    const [intent] = (answer.object as Stripe.ApiList<Stripe.PaymentIntent>).data;
    return intent?.client_secret == null
      ? undefined
      : { kind: 'payment_intent', id: intent.id, clientSecret: intent.client_secret };
  },

  async createSampleIntent(idempotencyKey) {
    const { object } = await write('setup_intent', (options) =>
      stripe.setupIntents.create(
        { description: 'Tollgate checks that both keys belong to one account' },
        { ...options, idempotencyKey },
      ),
    );
    return object.client_secret === null
      ? undefined
      : { kind: 'setup_intent', id: object.id, clientSecret: object.client_secret };
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
    return (answer.object as Stripe.ApiList<Stripe.Event>).data;
  },
});
