/** Every code of what an operator should mend. Codes are stable; clients must tolerate new ones. */
export const PROBLEM_CODES = [
  'BATCHES_FAIL',
  'CHANGES_UNPUBLISHED',
  'CLOCK_SKEW',
  'DATABASE_RIGHTS',
  'DATABASE_TOO_OLD',
  'DATABASE_UNREACHABLE',
  'DEFINITIONS_CHANGED',
  'DELIVERIES_MISSING',
  'DISPUTES_UNKNOWN',
  'DISPUTE_NEEDS_RESPONSE',
  'EFFECTS_DEAD',
  'EFFECTS_FAILED',
  'ENCRYPTION_KEY',
  'ENCRYPTION_KEY_ROTATING',
  'EVENTS_DEAD',
  'EVENTS_STUCK',
  'FLOWS_BROKEN',
  'FLOWS_FROZEN',
  'FLOW_FILE',
  'FLOW_NOT_FINISHED',
  'FLOW_OWED',
  'FOREIGN_KEYS_OFF',
  'MIGRATIONS_PENDING',
  'NOT_ACTIVATED',
  'ORDERS_WITHOUT_OWNER',
  'ORDER_AMOUNT_UNCHARGEABLE',
  'ORDER_OVERPAID',
  'ORDER_UNREADABLE',
  'PAYMENTS_QUARANTINED',
  'PLAN_INACTIVE',
  'PROTECTION_INCOMPLETE',
  'PUBLIC_URL_UNREACHABLE',
  'RECONCILIATION_LATE',
  'REDIS_UNREACHABLE',
  'REFUNDS_OVER_RESERVED',
  'REFUNDS_UNKNOWN',
  'RENEWALS_UNKNOWN',
  'RENEWAL_ABOVE_FIRST',
  'RENEWAL_FLOW_FAILED',
  'RENEWAL_NOT_SHOWN',
  'RENEWAL_TOO_LATE',
  'RENEWAL_UNCHARGEABLE',
  'ROWS_LOST',
  'STRIPE_KEYS',
  'STRIPE_KEYS_INVALID',
  'STRIPE_KEYS_MISSING',
  'STRIPE_KEYS_MODE',
  'STRIPE_UNREACHABLE',
  'TOKENS_WITHOUT_END',
  'WEBHOOK_ENDPOINT',
  'WEBHOOK_ENDPOINT_DIFFERS',
  'WEBHOOK_ENDPOINT_MISSING',
  'WEBHOOK_ENDPOINT_VERSION',
  'WEBHOOK_SECRET_MISSING',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** Something that an operator should mend. */
export interface Finding {
  readonly code: ProblemCode;
  readonly message: string;
  /** What to do, in words. */
  readonly remedy: string;
  /** What it is about, where several of one code may stand side by side; one that is told is known again by code and subject. */
  readonly subject?: string | undefined;
  /** Since when, where the data tell it. */
  readonly since?: Date | undefined;
}

/** Something that the operator should mend, with the remedy in words. */
export interface Problem extends Finding {
  readonly since: Date;
}

/** One question about the installation, answered. */
export interface Examination {
  readonly title: string;
  /** What was asked, and whom. */
  readonly asks: string;
  /** Why all is well, in a few words; null where something is to be mended. */
  readonly detail: string | null;
  /** What would be better, and is no problem. */
  readonly warning: Finding | null;
  readonly problems: readonly Finding[];
}

/** What an operator should mend in this installation. */
export interface Problems {
  /**
   * The problems of this moment. What Stripe and the network say is a minute old at the most, what
   * whole tables say ten minutes.
   */
  list(): Promise<readonly Problem[]>;
  /** The same as found, however long whoever is asked takes to answer; `anew`: nobody's answer of before is used. */
  findings(how: { readonly anew: boolean }): Promise<readonly Finding[]>;
  /** Asks everything anew, as the doctor's command does, and changes nothing; calls at the same time share one run. */
  examine(): Promise<readonly Examination[]>;
}
