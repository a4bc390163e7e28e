import type Stripe from 'stripe';
import type { PaymentFacts } from '../payments/payment-transitions.js';
import { type Owner, ownerOf } from './metadata.js';
import { idOf, paymentSnapshot } from './translate.js';

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
  /** What it says of the payment that it is for. */
  readonly payment: PaymentFacts;
}

/** The session's own word, where it has no payment intent that could tell more. */
const ownFacts = (session: Stripe.Checkout.Session, at: number): PaymentFacts => ({
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
const signalOf = ({ status, payment_status: paid }: Stripe.Checkout.Session): PaymentFacts['signal'] => {
  if (status === 'expired') return 'cancel';
  if (status !== 'complete') return 'await';
  return paid === 'no_payment_required' ? 'succeed' : 'process';
};

/** Signals of a payment intent that an expired session overrules: nobody can confirm it any more. */
const UNFINISHED: ReadonlySet<PaymentFacts['signal']> = new Set(['await', 'act', 'fail']);

/** The payment intent decides, where there is one: `checkout.session.completed` alone doesn't mean that money came. */
const factsOf = (session: Stripe.Checkout.Session, at: number): PaymentFacts => {
  const { payment_intent: intent } = session;
  if (intent === null || typeof intent === 'string') return ownFacts(session, at);
  const facts = paymentSnapshot(intent, at);
  return session.status === 'expired' && UNFINISHED.has(facts.signal)
    ? { ...facts, signal: 'cancel', failureCode: null, failureMessage: null }
    : facts;
};

/** Translates a session that came with its payment intent. Source: Stripe docs, "The Session object", "Fulfill orders". */
export const checkoutSnapshot = (session: Stripe.Checkout.Session, at: number): CheckoutSnapshot => ({
  sessionId: session.id,
  isOpen: session.status === 'open',
  isExpired: session.status === 'expired',
  url: session.status === 'open' ? session.url : null,
  owner: ownerOf(session.metadata, 'payment') ?? ownerOf(session.metadata, 'recurring'),
  amount: session.amount_total ?? 0,
  currency: (session.currency ?? '').toUpperCase(),
  livemode: session.livemode,
  subscriptionId: idOf(session.subscription),
  payment: factsOf(session, at),
});
