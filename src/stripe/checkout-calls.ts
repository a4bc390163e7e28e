import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { customerOf, type HandedOn, handedOn, type Paying, savingOf } from './handed-on.js';
import { isMarked, metadataOf, type Owner } from './metadata.js';
import { findOnPages } from './pages.js';

/** What every Checkout Session needs. */
interface CheckoutRequest {
  readonly owner: Owner;
  readonly orderId: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  readonly idempotencyKey: string;
}

/** What a session that takes one payment needs; the amount in minor units. */
export interface PaymentCheckoutRequest extends CheckoutRequest, HandedOn, Paying {
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'AUTOMATIC' | 'MANUAL';
  readonly description: string | null;
  /** One that Stripe knows; null: the browser's. */
  readonly locale: string | null;
}

/** What a session that starts a subscription needs. */
export interface SubscriptionCheckoutRequest extends CheckoutRequest {
  readonly customerId: string;
  readonly priceId: string;
  readonly quantity: number;
  /** Days of trial before the first charge; 0 for none. */
  readonly trialDays: number;
}

/** The calls about Checkout Sessions; each answer brings the session's payment intent, where it has one. All throw StripeCallError. */
export interface CheckoutCalls {
  createPaymentCheckout(request: PaymentCheckoutRequest): Promise<Answer<Stripe.Checkout.Session>>;
  createSubscriptionCheckout(request: SubscriptionCheckoutRequest): Promise<Answer<Stripe.Checkout.Session>>;
  retrieveCheckout(id: string): Promise<Answer<Stripe.Checkout.Session>>;
  /** Closes an open session; what it had begun ends with it. */
  expireCheckout(id: string, idempotencyKey: string): Promise<Answer<Stripe.Checkout.Session>>;
  /** The session that carries our row's id, made since `since` (unix seconds). */
  findCheckout(owner: Owner, since: number): Promise<Answer<Stripe.Checkout.Session> | undefined>;
}

const SESSION = { expand: ['payment_intent.latest_charge'] };
/** The longest name of a product at Stripe. */
const NAME_LENGTH = 250;

const nameOf = ({ description, orderId }: PaymentCheckoutRequest): string =>
  (description ?? `Order ${orderId}`).slice(0, NAME_LENGTH);

const common = (request: CheckoutRequest) => ({
  success_url: request.successUrl,
  cancel_url: request.cancelUrl,
  client_reference_id: request.orderId,
  metadata: metadataOf(request.owner, request.orderId),
  ...SESSION,
});

/** Binds the calls to one client. Source: Stripe docs, "Create a Checkout Session". */
export const createCheckoutCalls = (stripe: Stripe, { read, write }: Caller): CheckoutCalls => ({
  createPaymentCheckout: (request) =>
    write('checkout.session', (options) =>
      stripe.checkout.sessions.create(
        {
          ...common(request),
          ...(request.locale !== null && { locale: request.locale as Stripe.Checkout.SessionCreateParams.Locale }),
          metadata: { ...request.metadata, ...metadataOf(request.owner, request.orderId) },
          mode: 'payment',
          ...customerOf(request),
          // What is asked for is what is charged, in the order's currency.
          adaptive_pricing: { enabled: false },
          line_items: [
            {
              quantity: 1,
              price_data: {
                currency: request.currency.toLowerCase(),
                unit_amount: request.amount,
                product_data: { name: nameOf(request) },
              },
            },
          ],
          payment_intent_data: {
            // A session's metadata is not handed on to what it makes.
            metadata: { ...request.metadata, ...metadataOf(request.owner, request.orderId) },
            ...handedOn(request),
            ...savingOf(request),
            ...(request.captureMethod === 'MANUAL' && { capture_method: 'manual' as const }),
            ...(request.description !== null && { description: request.description }),
          },
        },
        { ...options, idempotencyKey: request.idempotencyKey },
      ),
    ),

  createSubscriptionCheckout: (request) =>
    write('checkout.session', (options) =>
      stripe.checkout.sessions.create(
        {
          ...common(request),
          mode: 'subscription',
          customer: request.customerId,
          line_items: [{ price: request.priceId, quantity: request.quantity }],
          subscription_data: {
            metadata: metadataOf(request.owner, request.orderId),
            ...(request.trialDays > 0 && { trial_period_days: request.trialDays }),
          },
        },
        { ...options, idempotencyKey: request.idempotencyKey },
      ),
    ),

  retrieveCheckout: (id) =>
    read('checkout.session', (options) => stripe.checkout.sessions.retrieve(id, SESSION, options)),

  expireCheckout: (id, idempotencyKey) =>
    write('checkout.session', (options) =>
      stripe.checkout.sessions.expire(id, SESSION, { ...options, idempotencyKey }),
    ),

  async findCheckout(owner, since) {
    const found = await findOnPages<Stripe.Checkout.Session>(
      { read, write },
      (page, options) => stripe.checkout.sessions.list({ ...page, created: { gte: since } }, options),
      isMarked(owner),
    );
    return (
      found &&
      read('checkout.session', (options) => stripe.checkout.sessions.retrieve(found.object.id, SESSION, options))
    );
  },
});
