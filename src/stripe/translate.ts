import type Stripe from 'stripe';
import type { PaymentSignal } from '../core/states.js';
import { type Owner, ownerOf } from './metadata.js';

/** A payment intent in our words, as it was at `at`. */
export interface PaymentSnapshot {
  readonly intentId: string;
  readonly signal: PaymentSignal;
  /** Minor units asked for. */
  readonly amount: number;
  /** Minor units received. */
  readonly amountReceived: number;
  /** Upper case. */
  readonly currency: string;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly chargeId: string | null;
  readonly livemode: boolean;
  /** Our mark, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

const SIGNALS: Readonly<Record<string, PaymentSignal>> = {
  requires_payment_method: 'await',
  requires_confirmation: 'await',
  requires_action: 'act',
  processing: 'process',
  requires_capture: 'hold',
  succeeded: 'succeed',
  canceled: 'cancel',
};

/** The id of what may come expanded or not. */
export const idOf = (reference: string | { id: string } | null | undefined): string | null =>
  typeof reference === 'string' ? reference : (reference?.id ?? null);

/**
 * Translates a payment intent. A decline leaves it `requires_payment_method` with the error: that is our `fail`.
 * A status that Stripe adds later reads as `await`: it moves nothing. Source: Stripe docs, "How PaymentIntents work".
 */
export const paymentSnapshot = (intent: Stripe.PaymentIntent, at: number): PaymentSnapshot => {
  const signal = SIGNALS[intent.status] ?? 'await';
  const error = intent.last_payment_error;
  const failed = signal === 'await' && Boolean(error);
  return {
    intentId: intent.id,
    signal: failed ? 'fail' : signal,
    amount: intent.amount,
    amountReceived: intent.amount_received,
    currency: intent.currency.toUpperCase(),
    failureCode: failed ? (error?.decline_code ?? error?.code ?? error?.type ?? 'unknown') : null,
    failureMessage: failed ? (error?.message ?? null) : null,
    chargeId: idOf(intent.latest_charge) ?? (failed ? idOf(error?.charge) : null),
    livemode: intent.livemode,
    owner: ownerOf(intent.metadata, 'payment'),
    at,
  };
};
