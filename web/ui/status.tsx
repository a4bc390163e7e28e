import type { ReactNode } from 'react';

/** What a colour says: it went well, it went wrong, it is under way, it is of no concern. */
export type Tone = 'good' | 'bad' | 'wait' | 'calm';

/** Every status of payments, refunds, recurring payments, orders and events. A new one is shown as it is, calmly. */
const WORDS: Readonly<Record<string, readonly [Tone, string]>> = {
  PENDING: ['wait', 'Pending'],
  REQUIRES_ACTION: ['wait', 'Needs confirmation'],
  PROCESSING: ['wait', 'Processing'],
  REQUIRES_CAPTURE: ['wait', 'Authorized'],
  SUCCESSFUL: ['good', 'Paid'],
  FAILED: ['bad', 'Failed'],
  CANCELED: ['calm', 'Canceled'],
  QUARANTINED: ['bad', 'Quarantined'],
  DISPUTED: ['bad', 'Disputed'],
  NEEDS_RESPONSE: ['bad', 'Needs response'],
  UNDER_REVIEW: ['wait', 'Under review'],
  WON: ['good', 'Won'],
  LOST: ['bad', 'Lost'],
  WARNING_NEEDS_RESPONSE: ['bad', 'Inquiry, needs response'],
  WARNING_UNDER_REVIEW: ['wait', 'Inquiry, under review'],
  WARNING_CLOSED: ['calm', 'Inquiry closed'],
  PREVENTED: ['good', 'Prevented'],
  NONE: ['calm', 'None'],
  PARTIAL: ['wait', 'Partly'],
  FULL: ['calm', 'Wholly'],
  REFUNDED: ['good', 'Refunded'],
  INCOMPLETE: ['wait', 'Not paid yet'],
  INCOMPLETE_EXPIRED: ['calm', 'Expired'],
  TRIALING: ['good', 'Trial'],
  ACTIVE: ['good', 'Active'],
  PAST_DUE: ['bad', 'Past due'],
  UNPAID: ['bad', 'Unpaid'],
  PAUSED: ['calm', 'Paused'],
  pending: ['calm', 'Not paid'],
  paid: ['good', 'Paid'],
  partially_refunded: ['wait', 'Partly refunded'],
  refunded: ['calm', 'Refunded'],
  canceled: ['calm', 'Canceled'],
  RECEIVED: ['wait', 'Received'],
  PROCESSED: ['good', 'Processed'],
  IGNORED: ['calm', 'Ignored'],
  DEAD: ['bad', 'Given up'],
};

/** A status in words. */
export const wordsOf = (status: string): string => WORDS[status]?.[1] ?? status;

/** A status in words and colour; never by colour alone. */
export const Status = ({ of, children }: { readonly of: string; readonly children?: ReactNode }) => {
  const [tone] = WORDS[of] ?? ['calm'];
  return (
    <span className={`status ${tone}`} data-status={of}>
      {children ?? wordsOf(of)}
    </span>
  );
};
