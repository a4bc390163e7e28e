import type Stripe from 'stripe';
import { type Answer, call, READ, StripeCallError } from './answer.js';
import { type BillingCalls, createBillingCalls } from './billing-calls.js';
import { type CheckoutCalls, createCheckoutCalls } from './checkout-calls.js';
import { createEventCalls, type EventCalls } from './event-calls.js';
import { metadataOf, type Owner } from './metadata.js';
import { createOperatorCalls, type OperatorCalls } from './operator-calls.js';
import { createRefundCalls, type RefundCalls } from './refund-calls.js';

/** What a new payment intent needs; amounts in minor units. */
export interface PaymentIntentRequest {
  readonly owner: Owner;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'AUTOMATIC' | 'MANUAL';
  readonly description: string | null;
  readonly idempotencyKey: string;
}

/** Every call that we make to Stripe, one method each; all throw StripeCallError. Never called inside a transaction. */
export interface StripeGateway extends RefundCalls, BillingCalls, OperatorCalls, EventCalls, CheckoutCalls {
  /** The id of the account that the key belongs to. */
  accountId(): Promise<string>;
  createPaymentIntent(request: PaymentIntentRequest): Promise<Answer<Stripe.PaymentIntent>>;
  retrievePaymentIntent(id: string): Promise<Answer<Stripe.PaymentIntent>>;
  cancelPaymentIntent(id: string, idempotencyKey: string): Promise<Answer<Stripe.PaymentIntent>>;
  /** Takes `amount` of the money that is held, in minor units; the rest is let go. */
  capturePaymentIntent(id: string, amount: number, idempotencyKey: string): Promise<Answer<Stripe.PaymentIntent>>;
  /** The payment intent that carries our row's id, made since `since` (unix seconds); undefined when Stripe has none. */
  findPaymentIntent(owner: Owner, since: number): Promise<Answer<Stripe.PaymentIntent> | undefined>;
}

/** Pages of 100 that a search by metadata reads at the most. */
const SEARCH_PAGES = 50;

/** Binds the calls to one client. */
export const createStripeGateway = (stripe: Stripe): StripeGateway => ({
  ...createOperatorCalls(stripe),
  ...createEventCalls(stripe),
  ...createCheckoutCalls(stripe),

  ...createRefundCalls(stripe),
  ...createBillingCalls(stripe),

  async accountId() {
    return (await call('account', () => stripe.accounts.retrieveCurrent({}, READ))).object.id;
  },

  createPaymentIntent: (request) =>
    call('payment_intent', () =>
      stripe.paymentIntents.create(
        {
          amount: request.amount,
          currency: request.currency.toLowerCase(),
          automatic_payment_methods: { enabled: true },
          metadata: metadataOf(request.owner, request.orderId),
          ...(request.captureMethod === 'MANUAL' && { capture_method: 'manual' as const }),
          ...(request.description !== null && { description: request.description }),
        },
        { idempotencyKey: request.idempotencyKey },
      ),
    ),

  retrievePaymentIntent: (id) => call('payment_intent', () => stripe.paymentIntents.retrieve(id, {}, READ)),

  cancelPaymentIntent: (id, idempotencyKey) =>
    call('payment_intent', () => stripe.paymentIntents.cancel(id, {}, { idempotencyKey })),

  capturePaymentIntent: (id, amount, idempotencyKey) =>
    call('payment_intent', () => stripe.paymentIntents.capture(id, { amount_to_capture: amount }, { idempotencyKey })),

  async findPaymentIntent(owner, since) {
    let after: string | undefined;
    for (let page = 0; page < SEARCH_PAGES; page += 1) {
      const answer = await call('list', () =>
        stripe.paymentIntents.list(
          { limit: 100, created: { gte: since }, ...(after !== undefined && { starting_after: after }) },
          READ,
        ),
      );
      const list = answer.object as Stripe.ApiList<Stripe.PaymentIntent>;
      const found = list.data.find(
        ({ metadata }) =>
          metadata['tollgate_installation'] === owner.installation && metadata[`tollgate_${owner.noun}`] === owner.id,
      );
      if (found) return { object: found, at: answer.at };
      after = list.data.at(-1)?.id;
      if (!list.has_more || after === undefined) return undefined;
    }
    throw new StripeCallError('unknown', undefined, undefined, undefined, {
      cause: new Error(`More than ${SEARCH_PAGES * 100} payment intents since ${since}; the search was not finished.`),
    });
  },
});
