import { ENDED_STATUSES, OPEN_STATUSES } from './tables.js';

/** What a status says at a glance: it went well, it went wrong, it is under way, it is of no concern. */
export type Tone = 'good' | 'bad' | 'wait' | 'calm';

const TONES: Readonly<Record<Exclude<Tone, 'calm'>, string>> = {
  good: 'SUCCESSFUL REFUNDED TRIALING ACTIVE WON PREVENTED',
  bad: 'FAILED QUARANTINED PAST_DUE UNPAID DISPUTED NEEDS_RESPONSE WARNING_NEEDS_RESPONSE LOST',
  wait: 'PENDING REQUIRES_ACTION PROCESSING REQUIRES_CAPTURE INCOMPLETE PARTIAL UNDER_REVIEW WARNING_UNDER_REVIEW',
};

/** The tone of any status of a payment, refund, dispute or recurring payment; calm for one that this release doesn't know. */
export const toneOf = (status: string): Tone => {
  const found = Object.entries(TONES).find(([, statuses]) => statuses.split(' ').includes(status));
  return (found?.[0] ?? 'calm') as Tone;
};

/** Whether a payment may still bring money: the server's own rule. A failed one is paid with another method. */
export const isOpen = (payment: { readonly status: string; readonly stripePaymentIntentId: string | null }): boolean =>
  OPEN_STATUSES.always.includes(payment.status) ||
  (OPEN_STATUSES.withIntent.includes(payment.status) && payment.stripePaymentIntentId !== null);

/** Whether Stripe waits for the customer: a form may take a method now. What is authorized or under way takes none. */
export const takesMethod = (payment: Parameters<typeof isOpen>[0]): boolean =>
  isOpen(payment) && ['PENDING', 'REQUIRES_ACTION', 'FAILED'].includes(payment.status);

/** Whether a recurring payment charges nothing more, ever. */
export const hasEnded = ({ status }: { readonly status: string }): boolean => ENDED_STATUSES.includes(status);
