import { z } from 'zod';
import { type Owner, ownerOf } from './metadata.js';
import { parse, shapes } from './shape.js';
import { idOf, type PaymentFacts, paymentSnapshot } from './translate.js';

/** A Checkout Session in our words, as it was at the time of the answer. */
export interface CheckoutSnapshot {
  readonly sessionId: string;
  readonly isOpen: boolean;
  /** Closed before anything was paid: by its time, or by us. */
  readonly isExpired: boolean;
  /** Where the customer pays; null once it isn't open. */
  readonly url: string | null;
  /** Our mark, if it carries one of any installation; its noun tells what the session is for. */
  readonly owner: Owner | undefined;
  /** Minor units. */
  readonly amount: number;
  /** Upper case. */
  readonly currency: string;
  readonly livemode: boolean;
  readonly subscriptionId: string | null;
  /** The customer that it was made for. */
  readonly customerId: string | null;
  /** What it says of the payment that it is for. */
  readonly payment: PaymentFacts;
}

const SESSION = z.object({
  id: shapes.id,
  status: z.enum(['open', 'complete', 'expired']).nullish(),
  payment_status: z.string(),
  url: shapes.text,
  metadata: shapes.metadata,
  amount_total: shapes.amount.nullish(),
  currency: shapes.currency.nullish(),
  livemode: z.boolean(),
  subscription: shapes.reference,
  customer: shapes.reference,
  payment_intent: shapes.reference,
});
type Session = z.infer<typeof SESSION>;

/** The session's own word, where it has no payment intent that could tell more. */
const ownFacts = (session: Session, at: number): PaymentFacts => ({
  intentId: idOf(session.payment_intent),
  signal: signalOf(session),
  amount: session.amount_total ?? 0,
  amountReceived: 0,
  currency: (session.currency ?? '').toUpperCase(),
  failureCode: null,
  failureMessage: null,
  chargeId: null,
  at,
});

/** A complete session that took no money is `succeed` with nothing received: not what was asked for. */
const signalOf = ({ status, payment_status: paid }: Session): PaymentFacts['signal'] => {
  if (status === 'expired') return 'cancel';
  if (status !== 'complete') return 'await';
  return paid === 'no_payment_required' ? 'succeed' : 'process';
};

/** Signals of a payment intent that an expired session overrules: nobody can confirm it any more. */
const UNFINISHED: ReadonlySet<PaymentFacts['signal']> = new Set(['await', 'act', 'fail']);

/** The payment intent decides, where there is one: `checkout.session.completed` alone doesn't mean that money came. */
const factsOf = (session: Session, at: number): PaymentFacts => {
  const { payment_intent: intent } = session;
  if (typeof intent !== 'object' || intent === null) return ownFacts(session, at);
  const facts = paymentSnapshot(intent, at);
  return session.status === 'expired' && UNFINISHED.has(facts.signal)
    ? { ...facts, signal: 'cancel', failureCode: null, failureMessage: null }
    : facts;
};

/**
 * Translates a session that came with its payment intent. Source: Stripe docs, "The Session object", "Fulfill orders".
 *
 * @throws StripeCallError when it is none
 */
export const checkoutSnapshot = (object: unknown, at: number): CheckoutSnapshot => {
  const session = parse(SESSION, 'Checkout Session', object);
  return {
    sessionId: session.id,
    isOpen: session.status === 'open',
    isExpired: session.status === 'expired',
    url: session.status === 'open' ? (session.url ?? null) : null,
    owner: ownerOf(session.metadata, 'payment') ?? ownerOf(session.metadata, 'recurring'),
    amount: session.amount_total ?? 0,
    currency: (session.currency ?? '').toUpperCase(),
    livemode: session.livemode,
    subscriptionId: idOf(session.subscription),
    customerId: idOf(session.customer),
    payment: factsOf(session, at),
  };
};
