import type Stripe from 'stripe';
import { type Answer, type Caller, createCaller, limitsFor } from './answer.js';
import { type BillingCalls, createBillingCalls } from './billing-calls.js';
import { createCallSignals } from './call-signals.js';
import { type ChargeCalls, createChargeCalls } from './charge-calls.js';
import { type CheckoutCalls, createCheckoutCalls } from './checkout-calls.js';
import { createStripeClient, type StripeClientOptions } from './client.js';
import { createDisputeCalls, type DisputeCalls } from './dispute-calls.js';
import { createEventCalls, type EventCalls } from './event-calls.js';
import { customerOf, type HandedOn, handedOn, type Paying, savingOf } from './handed-on.js';
import { createImportCalls, type ImportCalls } from './import-calls.js';
import { isMarked, metadataOf, type Owner } from './metadata.js';
import { createMethodCalls, type MethodCalls } from './method-calls.js';
import { createOperatorCalls, type OperatorCalls } from './operator-calls.js';
import { findOnPages } from './pages.js';
import { createRefundCalls, type RefundCalls } from './refund-calls.js';
import { createSubscriptionChangeCalls, type SubscriptionChangeCalls } from './subscription-change-calls.js';

/** What a new payment intent needs; amounts in minor units. */
export interface PaymentIntentRequest extends HandedOn, Paying {
  readonly owner: Owner;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'AUTOMATIC' | 'MANUAL';
  readonly description: string | null;
  /** Whether the server confirms it, with a saved method. */
  readonly confirmedByUs: boolean;
  readonly idempotencyKey: string;
}

/** Every call that we make to Stripe, one method each; all throw StripeCallError. Never called inside a transaction. */
export interface StripeGateway
  extends RefundCalls,
    DisputeCalls,
    ChargeCalls,
    BillingCalls,
    SubscriptionChangeCalls,
    ImportCalls,
    OperatorCalls,
    EventCalls,
    CheckoutCalls,
    MethodCalls {
  createPaymentIntent(request: PaymentIntentRequest): Promise<Answer<Stripe.PaymentIntent>>;
  /** With its latest charge. */
  retrievePaymentIntent(id: string): Promise<Answer<Stripe.PaymentIntent>>;
  cancelPaymentIntent(id: string, idempotencyKey: string): Promise<Answer<Stripe.PaymentIntent>>;
  /** Takes `amount` of the money that is held, in minor units; the rest is let go. */
  capturePaymentIntent(id: string, amount: number, idempotencyKey: string): Promise<Answer<Stripe.PaymentIntent>>;
  /** The payment intent that carries our row's id, made since `since` (unix seconds); undefined when Stripe has none. */
  findPaymentIntent(owner: Owner, since: number): Promise<Answer<Stripe.PaymentIntent> | undefined>;
}

/** The charge holds the bank's own reason of a failure. */
const INTENT = { expand: ['latest_charge'] };

/** Builds the client and binds the calls to it; `timeoutMs` is what a write may take in all. */
export const connectStripe = (options: StripeClientOptions): StripeGateway => {
  const signals = createCallSignals();
  return createStripeGateway(
    createStripeClient(options, signals),
    createCaller(limitsFor(options.timeoutMs), { signals, stop: options.stop, observe: options.observe }),
  );
};

/** Binds the calls to one client. */
const createStripeGateway = (stripe: Stripe, { read, write }: Caller): StripeGateway => ({
  ...createOperatorCalls(stripe, { read, write }),
  ...createEventCalls(stripe, { read, write }),
  ...createCheckoutCalls(stripe, { read, write }),

  ...createMethodCalls(stripe, { read, write }),
  ...createRefundCalls(stripe, { read, write }),
  ...createDisputeCalls(stripe, { read, write }),
  ...createChargeCalls(stripe, { read, write }),
  ...createBillingCalls(stripe, { read, write }),
  ...createSubscriptionChangeCalls(stripe, { read, write }),
  ...createImportCalls(stripe, { read, write }),

  createPaymentIntent: (request) =>
    write('payment_intent', (options) =>
      stripe.paymentIntents.create(
        {
          amount: request.amount,
          currency: request.currency.toLowerCase(),
          // The server confirms with a saved method: nobody could be led to another page and back.
          automatic_payment_methods: {
            enabled: true,
            ...(request.confirmedByUs && { allow_redirects: 'never' as const }),
          },
          ...handedOn(request),
          ...customerOf(request),
          ...savingOf(request),
          metadata: { ...request.metadata, ...metadataOf(request.owner, request.orderId) },
          ...(request.captureMethod === 'MANUAL' && { capture_method: 'manual' as const }),
          ...(request.description !== null && { description: request.description }),
        },
        { ...options, idempotencyKey: request.idempotencyKey },
      ),
    ),

  retrievePaymentIntent: (id) =>
    read('payment_intent', (options) => stripe.paymentIntents.retrieve(id, INTENT, options)),

  cancelPaymentIntent: (id, idempotencyKey) =>
    write('payment_intent', (options) => stripe.paymentIntents.cancel(id, {}, { ...options, idempotencyKey })),

  capturePaymentIntent: (id, amount, idempotencyKey) =>
    write('payment_intent', (options) =>
      stripe.paymentIntents.capture(id, { amount_to_capture: amount }, { ...options, idempotencyKey }),
    ),

  findPaymentIntent: (owner, since) =>
    findOnPages<Stripe.PaymentIntent>(
      { read, write },
      (page, options) => stripe.paymentIntents.list({ ...page, created: { gte: since } }, options),
      isMarked(owner),
    ),
});
