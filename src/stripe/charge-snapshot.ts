import { z } from 'zod';
import { type Owner, ownerOf } from './metadata.js';
import { parse, shapes } from './shape.js';

/** The method that paid, or was last tried, as far as it may be shown. */
export interface PaymentMethodSummary {
  /** Stripe's word, such as `card` or `sepa_debit`. */
  readonly type: string;
  readonly brand: string | null;
  readonly last4: string | null;
  readonly wallet: string | null;
  readonly expMonth: number | null;
  readonly expYear: number | null;
}

/** What a charge shows about its payment. */
export interface ChargeDetails {
  readonly method: PaymentMethodSummary | null;
  readonly receiptUrl: string | null;
}

/** A charge in our words, as it was at `at`. */
export interface ChargeSnapshot extends ChargeDetails {
  readonly chargeId: string;
  /** Null for a charge that no payment intent made. */
  readonly intentId: string | null;
  /** Whether it failed: then it says nothing of who paid. */
  readonly hasFailed: boolean;
  /** Minor units asked for. */
  readonly amount: number;
  /** Upper case. */
  readonly currency: string;
  readonly livemode: boolean;
  /** Our mark, which Stripe copies from the payment intent. */
  readonly owner: Owner | undefined;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

const { id, amount, currency, metadata, reference, text } = shapes;

const whole = z.int().nullish();
/** One of Stripe's words. */
const word = z.string().regex(/^\w{1,100}$/);
/** What the details of a type of method may hold; each type has some of it. */
const KIND = z.looseObject({
  brand: text,
  last4: text,
  exp_month: whole,
  exp_year: whole,
  wallet: z.union([z.looseObject({ type: text }), word]).nullish(),
});
const METHOD = z.looseObject({ type: word });

/** What details of a charge are read from, also where they come within a payment intent. */
export const CHARGE_DETAILS = z.looseObject({ payment_method_details: z.unknown().optional(), receipt_url: text });

/** A summary of a payment method, or of a charge's details of one; null where there is none. What it can't read it leaves out. */
export const methodSummary = (object: unknown): PaymentMethodSummary | null => {
  const { data: method } = METHOD.safeParse(object);
  if (!method) return null;
  const { data: kind } = KIND.safeParse(method[method.type]);
  const wallet = typeof kind?.wallet === 'string' ? kind.wallet : kind?.wallet?.type;
  return {
    type: method.type,
    brand: kind?.brand ?? null,
    last4: kind?.last4 ?? null,
    wallet: wallet ?? null,
    expMonth: kind?.exp_month ?? null,
    expYear: kind?.exp_year ?? null,
  };
};

/** What a charge's own fields say. */
export const chargeDetails = (charge: z.infer<typeof CHARGE_DETAILS>): ChargeDetails => ({
  method: methodSummary(charge.payment_method_details),
  // An address that an older release took out of a stored event is none.
  receiptUrl: charge.receipt_url?.startsWith('http') ? charge.receipt_url : null,
});

const CHARGE = CHARGE_DETAILS.extend({
  id,
  amount,
  currency,
  metadata,
  payment_intent: reference,
  livemode: z.boolean(),
  status: z.string(),
});

/**
 * Translates a charge. Source: Stripe docs, "The Charge object".
 *
 * @throws StripeCallError when it is none
 */
export const chargeSnapshot = (object: unknown, at: number): ChargeSnapshot => {
  const charge = parse(CHARGE, 'charge', object);
  const { payment_intent: intent } = charge;
  return {
    ...chargeDetails(charge),
    chargeId: charge.id,
    intentId: typeof intent === 'string' ? intent : (intent?.id ?? null),
    hasFailed: charge.status === 'failed',
    amount: charge.amount,
    currency: charge.currency.toUpperCase(),
    livemode: charge.livemode,
    owner: ownerOf(charge.metadata, 'payment'),
    at,
  };
};
