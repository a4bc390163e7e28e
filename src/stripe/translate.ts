import { z } from 'zod';
import type { PaymentSignal } from '../core/states.js';
import { CHARGE_DETAILS, type ChargeDetails, chargeDetails, methodSummary } from './charge-snapshot.js';
import { type Owner, ownerOf } from './metadata.js';
import { parse, shapes } from './shape.js';

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
  /** What that charge tells, where it came along; of a failure the method that was tried. */
  readonly charge?: ChargeDetails;
  /** For the browser; null where the answer carries none. */
  readonly clientSecret: string | null;
  readonly livemode: boolean;
  /** The customer that it is made for. */
  readonly customerId: string | null;
  /** Our mark, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

/** What Stripe says of a payment: its payment intent's word, or its invoice's, which may need no intent. */
export interface PaymentFacts
  extends Omit<PaymentSnapshot, 'intentId' | 'livemode' | 'owner' | 'clientSecret' | 'customerId'> {
  readonly intentId: string | null;
  /** The invoice's own word, which alone decides what became of it. */
  readonly isInvoice?: boolean;
  /** Minor units that a paid invoice settled without Stripe's money; see the payment's column. */
  readonly settledElsewhere?: number | null;
  /** What the invoice says of itself. */
  readonly invoice?: InvoiceSummary;
}

/** An invoice, for people; the addresses are Stripe's pages. Times as text, as JSON has them. */
export interface InvoiceSummary {
  readonly number: string | null;
  readonly hostedUrl: string | null;
  readonly pdfUrl: string | null;
  readonly periodStart: string | null;
  readonly periodEnd: string | null;
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

const { id, amount, currency, metadata, reference, text } = shapes;

const CHARGE = CHARGE_DETAILS.extend({ id, failure_code: text, failure_message: text });

const INTENT = z.object({
  id,
  status: z.string(),
  amount,
  amount_received: amount,
  currency,
  livemode: z.boolean(),
  metadata,
  customer: reference,
  client_secret: text,
  latest_charge: z.union([id, CHARGE]).nullish(),
  last_payment_error: z
    .object({
      code: text,
      decline_code: text,
      type: text,
      message: text,
      charge: reference,
      payment_method: z.unknown().optional(),
    })
    .nullish(),
});
type Intent = z.infer<typeof INTENT>;

/** Says only that it failed: the charge holds the bank's own reason. Source: Stripe docs, "Error codes". */
const GENERIC_FAILURE = 'payment_intent_payment_attempt_failed';

const failureOf = ({ last_payment_error: error, latest_charge: charge }: Intent) => {
  const own = error?.decline_code ?? error?.code ?? error?.type ?? 'unknown';
  const told = typeof charge === 'string' ? undefined : charge;
  const isGeneric = own === GENERIC_FAILURE;
  return {
    failureCode: isGeneric ? (told?.failure_code ?? own) : own,
    failureMessage: (isGeneric ? told?.failure_message : undefined) ?? error?.message ?? null,
  };
};

/** What the charge tells, or of a failure at least which method was tried. */
const detailsOf = ({ latest_charge: charge, last_payment_error: error }: Intent): { charge?: ChargeDetails } => {
  if (typeof charge === 'object' && charge !== null) return { charge: chargeDetails(charge) };
  const method = methodSummary(error?.payment_method);
  return method === null ? {} : { charge: { method, receiptUrl: null } };
};

/** Whether the reason of a failure is with the charge alone, which the object came without. */
export const hidesReason = ({ failureCode }: Pick<PaymentSnapshot, 'failureCode'>): boolean =>
  failureCode === GENERIC_FAILURE;

/**
 * Translates a payment intent. A decline leaves it `requires_payment_method` with the error: that is our `fail`.
 * A status that Stripe adds later reads as `await`: it moves nothing. Source: Stripe docs, "How PaymentIntents work".
 *
 * @throws StripeCallError when it is none
 */
export const paymentSnapshot = (object: unknown, at: number): PaymentSnapshot => {
  const intent = parse(INTENT, 'payment intent', object);
  const signal = SIGNALS[intent.status] ?? 'await';
  const error = intent.last_payment_error;
  const failed = signal === 'await' && Boolean(error);
  return {
    intentId: intent.id,
    signal: failed ? 'fail' : signal,
    amount: intent.amount,
    amountReceived: intent.amount_received,
    currency: intent.currency.toUpperCase(),
    ...(failed ? failureOf(intent) : { failureCode: null, failureMessage: null }),
    chargeId: idOf(intent.latest_charge) ?? (failed ? idOf(error?.charge) : null),
    ...detailsOf(intent),
    clientSecret: intent.client_secret ?? null,
    livemode: intent.livemode,
    customerId: idOf(intent.customer),
    owner: ownerOf(intent.metadata, 'payment'),
    at,
  };
};
