import type { ReactNode } from 'react';
import { type Tone, toneOf } from 'tollgate-client';
import { useSurroundings } from 'tollgate-client/react';
import { useT } from './language.js';
import type { Text } from './words.js';

/** Words that only these pages need; the others are the client package's own. */
const WORDS: Readonly<Record<string, Text>> = {
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
  WAITING: 'Waiting',
  RUNNING: 'Running',
  DELIVERED: 'Delivered',
  OWED: 'Owed',
  DONE: 'Done',
  SKIPPED: 'Skipped',
  ASK: 'Ask a person',
  ACCEPT: 'Accept it',
  REFUND: 'Refund it',
  MINOR: 'Smallest units',
  MAJOR: 'Whole units',
};

/** Tones of an order's, an event's and a delivery's statuses. */
const TONES: Readonly<Record<string, Tone>> = {
  paid: 'good',
  partially_refunded: 'wait',
  RECEIVED: 'wait',
  PROCESSED: 'good',
  DEAD: 'bad',
  WAITING: 'wait',
  RUNNING: 'wait',
  DELIVERED: 'good',
  OWED: 'bad',
  DONE: 'good',
};

/** Gives a status in words. */
export const useWords = (): ((status: string) => string) => {
  const t = useT();
  const texts: Readonly<Record<string, string>> = useSurroundings().texts;
  return (status) => {
    const own = WORDS[status];
    return own ? t(own) : (texts[`status.${status}`] ?? status);
  };
};

/** A status in words and colour; never by colour alone. */
export const Status = ({ of, children }: { readonly of: string; readonly children?: ReactNode }) => {
  const words = useWords();
  const tone = TONES[of] ?? toneOf(of);
  return (
    <span className={`status ${tone}`} data-status={of}>
      {children ?? words(of)}
    </span>
  );
};
