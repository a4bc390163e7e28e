import type { Verdict } from '../../core/states.js';

/** Every status of a dispute, in the contract's order. `WARNING_…`: an inquiry, no money was taken yet. */
export const DISPUTE_STATUSES = [
  'WARNING_NEEDS_RESPONSE',
  'WARNING_UNDER_REVIEW',
  'WARNING_CLOSED',
  'NEEDS_RESPONSE',
  'UNDER_REVIEW',
  'WON',
  'LOST',
  'PREVENTED',
] as const;
export type DisputeStatus = (typeof DISPUTE_STATUSES)[number];

/**
 * What can come after each status by the usual way. Whatever else Stripe says (an appeal after a loss, a lost case that was won) is
 * taken from its present state. Source: Stripe docs, "How disputes work".
 */
const DISPUTE_GOES_ON: Readonly<Record<DisputeStatus, readonly DisputeStatus[]>> = {
  WARNING_NEEDS_RESPONSE: [
    'WARNING_UNDER_REVIEW',
    'WARNING_CLOSED',
    'NEEDS_RESPONSE',
    'UNDER_REVIEW',
    'WON',
    'LOST',
    'PREVENTED',
  ],
  WARNING_UNDER_REVIEW: ['WARNING_CLOSED', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'PREVENTED'],
  WARNING_CLOSED: ['NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST'], // the bank may still take the payment back
  NEEDS_RESPONSE: ['UNDER_REVIEW', 'WON', 'LOST', 'PREVENTED'],
  UNDER_REVIEW: ['WON', 'LOST', 'PREVENTED'],
  WON: [],
  LOST: [],
  PREVENTED: [],
};

/**
 * Judges a snapshot that may be late: events carry the state of their own time, and arrive in any order. What goes on from here,
 * not earlier than what was seen, decides; what the row has behind it changes nothing; everything else is asked.
 *
 * @param snapshot what Stripe told, and its time of it in unix seconds
 * @param seenAt the newest Stripe time seen of the dispute, in unix seconds
 */
export const judgeDispute = (
  status: DisputeStatus,
  { status: next, at }: { readonly status: DisputeStatus; readonly at: number },
  seenAt: number,
): Verdict => {
  if (next === status) return at > seenAt ? 'apply' : at === seenAt ? 'ask' : 'keep';
  if (DISPUTE_GOES_ON[status].includes(next) && at >= seenAt) return 'apply';
  return DISPUTE_GOES_ON[next].includes(status) && at <= seenAt ? 'keep' : 'ask';
};

/** Statuses in which Stripe has taken the disputed money. */
export const TAKING_STATUSES: readonly DisputeStatus[] = ['NEEDS_RESPONSE', 'UNDER_REVIEW', 'LOST'];

/** Statuses of disputes whose end isn't known. */
export const OPEN_DISPUTE_STATUSES: readonly DisputeStatus[] = [
  'WARNING_NEEDS_RESPONSE',
  'WARNING_UNDER_REVIEW',
  'NEEDS_RESPONSE',
  'UNDER_REVIEW',
];

/** Statuses in which evidence is awaited. */
export const AWAITING_STATUSES: readonly DisputeStatus[] = ['WARNING_NEEDS_RESPONSE', 'NEEDS_RESPONSE'];

/** Statuses in which a dispute that isn't refundable stands against a refund. */
export const BLOCKING_STATUSES: readonly DisputeStatus[] = [...new Set([...OPEN_DISPUTE_STATUSES, ...TAKING_STATUSES])];
