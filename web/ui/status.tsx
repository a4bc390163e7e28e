import type { ReactNode } from 'react';
import { type Tone, toneOf } from 'tollgate-client';
import { ENGLISH } from 'tollgate-client/react';

const TEXTS: Readonly<Record<string, string>> = ENGLISH;

/** Words that only these pages need; the others are the client package's own. */
const WORDS: Readonly<Record<string, string>> = {
  QUARANTINED: 'Quarantined',
  DISPUTED: 'Disputed',
  NEEDS_RESPONSE: 'Needs response',
  UNDER_REVIEW: 'Under review',
  WON: 'Won',
  LOST: 'Lost',
  WARNING_NEEDS_RESPONSE: 'Inquiry, needs response',
  WARNING_UNDER_REVIEW: 'Inquiry, under review',
  WARNING_CLOSED: 'Inquiry closed',
  PREVENTED: 'Prevented',
  NONE: 'None',
  PARTIAL: 'Partly',
  FULL: 'Wholly',
  pending: 'Not paid',
  paid: 'Paid',
  partially_refunded: 'Partly refunded',
  refunded: 'Refunded',
  canceled: 'Canceled',
  RECEIVED: 'Received',
  PROCESSED: 'Processed',
  IGNORED: 'Ignored',
  DEAD: 'Given up',
};

/** Tones of an order's and an event's statuses. */
const TONES: Readonly<Record<string, Tone>> = {
  paid: 'good',
  partially_refunded: 'wait',
  RECEIVED: 'wait',
  PROCESSED: 'good',
  DEAD: 'bad',
};

/** A status in words. */
export const wordsOf = (status: string): string => WORDS[status] ?? TEXTS[`status.${status}`] ?? status;

/** A status in words and colour; never by colour alone. */
export const Status = ({ of, children }: { readonly of: string; readonly children?: ReactNode }) => {
  const tone = TONES[of] ?? toneOf(of);
  return (
    <span className={`status ${tone}`} data-status={of}>
      {children ?? wordsOf(of)}
    </span>
  );
};
