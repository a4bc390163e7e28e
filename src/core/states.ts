/** Every status of a payment, in the contract's order. */
export const PAYMENT_STATUSES = [
  'PENDING',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
  'SUCCESSFUL',
  'FAILED',
  'CANCELED',
  'QUARANTINED',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** What Stripe can say of a payment, in our words. `mismatch`: money arrived that isn't what was asked for. */
export const PAYMENT_SIGNALS = ['await', 'act', 'process', 'hold', 'succeed', 'fail', 'cancel', 'mismatch'] as const;
export type PaymentSignal = (typeof PAYMENT_SIGNALS)[number];

const OPEN = {
  await: 'PENDING',
  act: 'REQUIRES_ACTION',
  process: 'PROCESSING',
  hold: 'REQUIRES_CAPTURE',
  succeed: 'SUCCESSFUL',
  fail: 'FAILED',
  cancel: 'CANCELED',
  mismatch: 'QUARANTINED',
} as const;

const final = <S extends PaymentStatus>(status: S): Record<PaymentSignal, S> => ({
  await: status,
  act: status,
  process: status,
  hold: status,
  succeed: status,
  fail: status,
  cancel: status,
  mismatch: status,
});

/**
 * Where a payment goes when Stripe's present state is known: every row answers everything that Stripe can say.
 * A cell equal to its row is late or repeated. Money always lands: after a cancel it is quarantined, never dropped.
 * Source: Stripe docs, "How PaymentIntents work" (lifecycle).
 */
export const PAYMENT_NEXT: Readonly<Record<PaymentStatus, Readonly<Record<PaymentSignal, PaymentStatus>>>> = {
  PENDING: OPEN,
  REQUIRES_ACTION: OPEN,
  PROCESSING: OPEN,
  REQUIRES_CAPTURE: OPEN,
  FAILED: OPEN, // another card may work
  SUCCESSFUL: final('SUCCESSFUL'),
  CANCELED: { ...final('CANCELED'), succeed: 'QUARANTINED', mismatch: 'QUARANTINED' },
  QUARANTINED: final('QUARANTINED'),
};

/** Why money is set aside: it came after a cancel, or isn't what was asked for. */
export const QUARANTINE_REASONS = ['LATE', 'MISMATCH'] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** Why this signal sets a payment's money aside; undefined where it doesn't. */
export const quarantineReason = (status: PaymentStatus, signal: PaymentSignal): QuarantineReason | undefined => {
  if (status === 'QUARANTINED' || PAYMENT_NEXT[status][signal] !== 'QUARANTINED') return undefined;
  return signal === 'mismatch' ? 'MISMATCH' : 'LATE';
};

/** What may be decided of quarantined money. */
export const QUARANTINE_DECISIONS = ['ACCEPT', 'REFUND'] as const;
export type QuarantineDecision = (typeof QUARANTINE_DECISIONS)[number];

/** Where people or the policy, not Stripe, take a quarantined payment: what is sent back is never counted. */
export const QUARANTINE_NEXT: Readonly<Record<QuarantineDecision, PaymentStatus>> = {
  ACCEPT: 'SUCCESSFUL',
  REFUND: 'QUARANTINED',
};

/** Signals after which Stripe says nothing else of a payment intent. */
const CONCLUSIVE: ReadonlySet<PaymentSignal> = new Set(['succeed', 'cancel', 'mismatch']);

/** Whether Stripe says nothing else of a payment intent after it. */
export const isConclusive = (signal: PaymentSignal): boolean => CONCLUSIVE.has(signal);

/** Whether the signal would end the payment: it could never go back. */
export const endsPayment = (status: PaymentStatus, signal: PaymentSignal): boolean =>
  isConclusive(signal) && PAYMENT_NEXT[status][signal] !== status;

/** `apply`: the snapshot decides. `ask`: only Stripe's present state can tell. `keep`: it changes nothing. */
export type Verdict = 'apply' | 'ask' | 'keep';

/**
 * Judges a snapshot that may be late: a webhook's payload carries the state of its own time, and events arrive in any
 * order. A conclusive signal is always forward; otherwise a snapshot must be newer than what was seen (on a PENDING
 * payment, of the same second at least); everything else is asked.
 *
 * @param snapshotAt Stripe's time of the snapshot, in unix seconds
 * @param seenAt the newest Stripe time seen of the object, in unix seconds
 */
export const judgeSnapshot = (
  status: PaymentStatus,
  signal: PaymentSignal,
  snapshotAt: number,
  seenAt: number,
): Verdict => {
  const next = PAYMENT_NEXT[status][signal];
  if (next === status && (signal !== 'fail' || status !== 'FAILED')) return 'keep';
  if (isConclusive(signal)) return 'apply';
  return snapshotAt > seenAt || (status === 'PENDING' && snapshotAt === seenAt) ? 'apply' : 'ask';
};

/**
 * Statuses in which an attempt may still be paid: at most one such payment exists per order. `withIntent`: only while Stripe has an
 * intent for it, since another card may work there.
 */
export const OPEN_PAYMENT_STATUSES: {
  readonly always: readonly PaymentStatus[];
  readonly withIntent: readonly PaymentStatus[];
} = { always: ['PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE'], withIntent: ['FAILED'] };

/** Whether the attempt may still be paid. */
export const isOpen = (payment: { status: PaymentStatus; stripePaymentIntentId: string | null }): boolean =>
  OPEN_PAYMENT_STATUSES.always.includes(payment.status) ||
  (OPEN_PAYMENT_STATUSES.withIntent.includes(payment.status) && payment.stripePaymentIntentId !== null);

/** Statuses of a payment whose money its order has. */
export const PAID_STATUSES: readonly PaymentStatus[] = ['SUCCESSFUL'];

/** Whether what the payment received counts as its order's. */
export const isPaid = ({ status }: { readonly status: PaymentStatus }): boolean => PAID_STATUSES.includes(status);

/** Whether Stripe holds, or held, money of the payment: before that it has no refunds. */
export const hasArrived = ({ status }: { readonly status: PaymentStatus }): boolean =>
  status === 'SUCCESSFUL' || status === 'QUARANTINED';

/** Every status of a refund. */
export const REFUND_STATUSES = ['PENDING', 'REQUIRES_ACTION', 'REFUNDED', 'FAILED', 'CANCELED'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/** What Stripe can say of a refund, in our words. */
export const REFUND_SIGNALS = ['await', 'act', 'succeed', 'fail', 'cancel'] as const;
export type RefundSignal = (typeof REFUND_SIGNALS)[number];

const REFUND_MOVES = {
  await: 'PENDING',
  act: 'REQUIRES_ACTION',
  succeed: 'REFUNDED',
  fail: 'FAILED',
  cancel: 'CANCELED',
} as const;

/**
 * Where a refund goes when Stripe's present state is known: every row answers everything that Stripe can say. A refund may
 * fail after it succeeded: the bank sent the money back. Source: Stripe docs, "Refund and cancel payments" (failed refunds).
 */
export const REFUND_NEXT: Readonly<Record<RefundStatus, Readonly<Record<RefundSignal, RefundStatus>>>> = {
  PENDING: REFUND_MOVES,
  REQUIRES_ACTION: REFUND_MOVES,
  REFUNDED: { ...REFUND_MOVES, await: 'REFUNDED', act: 'REFUNDED' },
  FAILED: REFUND_MOVES, // Stripe may still have one that we gave up on
  CANCELED: REFUND_MOVES,
};

/** Statuses of refunds whose end isn't known: they hold their amount. */
export const RESERVING_STATUSES: readonly RefundStatus[] = ['PENDING', 'REQUIRES_ACTION'];

/** Whether the refund holds its amount. */
export const holdsReservation = (status: RefundStatus): boolean => RESERVING_STATUSES.includes(status);

/**
 * Judges a refund's snapshot that may be late. Out of a reservation every end is forward; what would undo an end is applied
 * only when newer than what was seen, and a refund that ended badly moves only when Stripe was asked.
 *
 * @param snapshotAt Stripe's time of the snapshot, in unix seconds
 * @param seenAt the newest Stripe time seen of the refund, in unix seconds
 */
export const judgeRefund = (
  status: RefundStatus,
  signal: RefundSignal,
  snapshotAt: number,
  seenAt: number,
): Verdict => {
  const next = REFUND_NEXT[status][signal];
  if (next === status) return 'keep';
  if (status === 'FAILED' || status === 'CANCELED') return 'ask';
  if (holdsReservation(status) && !holdsReservation(next)) return 'apply';
  return snapshotAt > seenAt ? 'apply' : 'ask';
};

/** Every status of a recurring payment. */
export const RECURRING_STATUSES = [
  'INCOMPLETE',
  'INCOMPLETE_EXPIRED',
  'TRIALING',
  'ACTIVE',
  'PAST_DUE',
  'UNPAID',
  'PAUSED',
  'CANCELED',
] as const;
export type RecurringStatus = (typeof RECURRING_STATUSES)[number];

const ANY: Readonly<Record<RecurringStatus, RecurringStatus>> = {
  INCOMPLETE: 'INCOMPLETE',
  INCOMPLETE_EXPIRED: 'INCOMPLETE_EXPIRED',
  TRIALING: 'TRIALING',
  ACTIVE: 'ACTIVE',
  PAST_DUE: 'PAST_DUE',
  UNPAID: 'UNPAID',
  PAUSED: 'PAUSED',
  CANCELED: 'CANCELED',
};

const ended = (status: RecurringStatus): Readonly<Record<RecurringStatus, RecurringStatus>> => ({
  INCOMPLETE: status,
  INCOMPLETE_EXPIRED: status,
  TRIALING: status,
  ACTIVE: status,
  PAST_DUE: status,
  UNPAID: status,
  PAUSED: status,
  CANCELED: status,
});

/**
 * Where a recurring payment goes when Stripe's present state is known: a subscription that lives may become anything
 * that Stripe says, one that has ended stays so. Source: Stripe docs, "How subscriptions work" (statuses).
 */
export const RECURRING_NEXT: Readonly<Record<RecurringStatus, Readonly<Record<RecurringStatus, RecurringStatus>>>> = {
  INCOMPLETE: ANY,
  INCOMPLETE_EXPIRED: ended('INCOMPLETE_EXPIRED'),
  TRIALING: ANY,
  ACTIVE: ANY,
  PAST_DUE: ANY,
  UNPAID: ANY,
  PAUSED: ANY,
  CANCELED: ended('CANCELED'),
};

/** Statuses of a recurring payment that is over: at most one that isn't exists per order. */
export const ENDED_RECURRING_STATUSES: readonly RecurringStatus[] = ['CANCELED', 'INCOMPLETE_EXPIRED'];

/** Whether the recurring payment still lives. */
export const isLive = ({ status }: { readonly status: RecurringStatus }): boolean =>
  !ENDED_RECURRING_STATUSES.includes(status);

/** Whether the recurring payment goes on, and its first charge or trial has begun. */
export const hasBegun = (recurring: { readonly status: RecurringStatus }): boolean =>
  isLive(recurring) && recurring.status !== 'INCOMPLETE';

/** Every status of an event in the inbox, in the contract's order. */
export const EVENT_STATUSES = ['RECEIVED', 'PROCESSED', 'IGNORED', 'FAILED', 'DEAD'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];
