import type { Account } from './people.js';

/** A method that somebody keeps. */
export interface KeptMethod {
  readonly id: string;
  readonly account: Account;
  /** The test card that it is. */
  readonly card: string;
  isRemoved: boolean;
}

/** A removal that was answered as done. */
export interface Removal {
  readonly methodId: string;
  /** The charges that had been made to it by then. */
  readonly charges: ReadonlySet<string>;
}

/** Somebody set a method for a recurring payment, at once as often as there are ends. */
export interface Righting {
  readonly recurringId: string;
  readonly methodId: string;
  /** Whether every charge to it succeeds. */
  readonly isGood: boolean;
  /** The payments of failed renewals that it was about. */
  readonly paymentIds: readonly string[];
  /** `done`, or the code of the refusal, of each. */
  readonly ends: readonly string[];
}

/** An account asked for a payment with a method that is another's. */
export interface Trespass {
  readonly orderId: string;
  readonly methodId: string;
  /** `taken`, or the code of the refusal. */
  readonly end: string;
}

/** Somebody brought a recurring payment to another plan, once. */
export interface PlanChange {
  readonly recurringId: string;
  /** What it must come to, as `2 of price_…`: the new plan, or the old one where nobody paid what the change charged. */
  readonly terms: string;
  /** `done`, or the code of the refusal. */
  readonly end: string;
}

/** What people know of the methods that they keep and the plans that they have, and what they were told: against it the promises are held. */
export interface Wallet {
  readonly methods: KeptMethod[];
  readonly removals: Removal[];
  readonly rightings: Righting[];
  readonly trespasses: Trespass[];
  readonly planChanges: PlanChange[];
}

/** Nobody keeps anything. */
export const createWallet = (): Wallet => ({
  methods: [],
  removals: [],
  rightings: [],
  trespasses: [],
  planChanges: [],
});
