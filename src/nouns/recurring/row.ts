import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { ENDED_RECURRING_STATUSES, RECURRING_STATUSES, type RecurringStatus } from '../../core/states.js';
import { statusNotIn } from '../../core/status-sql.js';
import { keyText, wholeNumber } from '../../storage/columns.js';

/** A recurring payment that still lives: at most one per order, mode and Stripe account. `isLive` of core/states.ts in SQL. */
export const LIVE_RECURRING = statusNotIn(ENDED_RECURRING_STATUSES);

/** What somebody may ask Stripe for. */
export type AskedFor = 'END' | 'SCHEDULE' | 'RESUME' | 'PAUSE' | 'UNPAUSE' | 'CHANGE';

/** One Stripe subscription, started for one order. Rows are never deleted. */
@Entity({ schema: 'tollgate', name: 'recurring_payment' })
@Check('recurring_payment_quantity_positive', 'quantity > 0')
@Check('recurring_payment_amount_not_negative', 'initial_amount >= 0')
@Check('recurring_payment_agreed_not_negative', 'agreed_amount >= 0')
@Check('recurring_payment_status_known', `status in ('${RECURRING_STATUSES.join("', '")}')`)
@Unique('recurring_payment_subscription_once', ['stripeSubscriptionId'])
@Unique('recurring_payment_checkout_session_once', ['stripeCheckoutSessionId'])
@Index('recurring_payment_live_once', ['orderId', 'livemode', 'stripeAccount'], { unique: true, where: LIVE_RECURRING })
@Index('recurring_payment_account', ['accountId', 'createdAt', 'id'])
@Index('recurring_payment_created', ['createdAt', 'id'])
@Index('recurring_payment_status', ['status', 'createdAt', 'id'])
@Index('recurring_payment_order', ['orderId'])
@Index('recurring_payment_restoring', ['restoringSince'], { where: 'restoring_by IS NOT NULL' })
export class RecurringPayment {
  @PrimaryColumn({ type: 'bigint', transformer: keyText, default: () => "nextval('tollgate.node_id')" })
  declare id: string;
  /** The order it was started for. */
  @Column({ name: 'order_id', type: 'bigint', transformer: keyText }) declare orderId: string;
  @Column({ name: 'account_id', type: 'text', nullable: true }) declare accountId: string | null;
  @Column({ name: 'price_id', type: 'text' }) declare priceId: string;
  @Column({ type: 'integer', default: 1 }) declare quantity: number;
  @Column({ type: 'text', default: 'INCOMPLETE' }) declare status: RecurringStatus;
  @Column({ type: 'text', default: 'ELEMENTS' }) declare mode: 'ELEMENTS' | 'CHECKOUT';
  /** Minor units: price times quantity at the start. */
  @Column({ name: 'initial_amount', type: 'bigint', transformer: wholeNumber }) declare initialAmount: number;
  /** Minor units of a period, as agreed on by the last change; null while that is the first amount. */
  @Column({ name: 'agreed_amount', type: 'bigint', transformer: wholeNumber, nullable: true })
  declare agreedAmount: number | null;
  @Column({ type: 'text' }) declare currency: string;
  @Column({ name: 'cancel_at_period_end', type: 'boolean', default: false }) declare cancelAtPeriodEnd: boolean;
  @Column({ name: 'cancel_at', type: 'timestamptz', nullable: true }) declare cancelAt: Date | null;
  @Column({ name: 'canceled_at', type: 'timestamptz', nullable: true }) declare canceledAt: Date | null;
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true }) declare endedAt: Date | null;
  @Column({ name: 'collection_paused', type: 'boolean', default: false }) declare collectionPaused: boolean;
  @Column({ name: 'current_period_end', type: 'timestamptz', nullable: true }) declare currentPeriodEnd: Date | null;
  /** What the price and quantity will be from `pendingAt` on; null while no change waits. */
  @Column({ name: 'pending_price_id', type: 'text', nullable: true }) declare pendingPriceId: string | null;
  @Column({ name: 'pending_quantity', type: 'integer', nullable: true }) declare pendingQuantity: number | null;
  @Column({ name: 'pending_at', type: 'timestamptz', nullable: true }) declare pendingAt: Date | null;
  @Column({ name: 'stripe_subscription_id', type: 'text', nullable: true }) declare stripeSubscriptionId: string | null;
  @Column({ name: 'stripe_checkout_session_id', type: 'text', nullable: true })
  declare stripeCheckoutSessionId: string | null;
  /** Stripe's id of the saved method that it began with; null: the customer confirmed the first charge. */
  @Column({ name: 'saved_method_id', type: 'text', nullable: true }) declare savedMethodId: string | null;
  /** Where the checkout page sends people back to, as the client gave it; null: a page of our own. */
  @Column({ name: 'success_url', type: 'text', nullable: true }) declare successUrl: string | null;
  @Column({ name: 'cancel_url', type: 'text', nullable: true }) declare cancelUrl: string | null;
  @Column({ type: 'boolean' }) declare livemode: boolean;
  @Column({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  /** Rises with every change that the subscription itself brought: tells whether it moved while Stripe was read. */
  @Column({ type: 'integer', default: 0 }) declare revision: number;
  /** What somebody asked Stripe for, and who did: the event may be faster than the answer. */
  @Column({ name: 'asked_for', type: 'text', nullable: true }) declare askedFor: AskedFor | null;
  @Column({ name: 'asked_by', type: 'text', nullable: true }) declare askedBy: string | null;
  /** Days of the trial that it begins with, decided once; 0: none. Null for rows of before, and what was imported. */
  @Column({ name: 'trial_days', type: 'integer', nullable: true }) declare trialDays: number | null;
  /** The price whose trial that is, whatever it was changed to since. */
  @Column({ name: 'trial_price_id', type: 'text', nullable: true }) declare trialPriceId: string | null;
  /** When it was bound, by Stripe's clock, where Stripe had it before us: what was settled earlier is of the past. */
  @Column({ name: 'imported_at', type: 'timestamptz', nullable: true }) declare importedAt: Date | null;
  /** Number of the last change that somebody began to write at Stripe. */
  @Column({ name: 'change_number', type: 'integer', default: 0 }) declare changeNumber: number;
  /** Until when somebody is changing it at Stripe, unless they end sooner: others wait. */
  @Column({ name: 'changing_until', type: 'timestamptz', nullable: true }) declare changingUntil: Date | null;
  /**
   * Who takes back the end that is scheduled, or has, so that what had waited waits again; null once it does. Until then Stripe has
   * no such change, whatever `pendingPriceId` remembers.
   */
  @Column({ name: 'restoring_by', type: 'text', nullable: true }) declare restoringBy: string | null;
  @Column({ name: 'restoring_since', type: 'timestamptz', nullable: true }) declare restoringSince: Date | null;
  /** The newest Stripe time seen of the subscription. */
  @Column({ name: 'seen_at', type: 'timestamptz', nullable: true }) declare seenAt: Date | null;
  /** Rises with every change of the row and of its payments. */
  @Column({ type: 'integer', default: 1 }) declare version: number;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) declare updatedAt: Date;
}

/** The most that a later charge may come to, in minor units: what was agreed on last, at the start or by a change. */
export const agreedAmountOf = ({ agreedAmount, initialAmount }: RecurringPayment): number =>
  agreedAmount ?? initialAmount;

/** A change that waits. */
export interface PendingChange {
  readonly priceId: string;
  readonly quantity: number;
  readonly at: Date;
}

/** What waits, or had waited when the end was scheduled that the row has; null where there is none. */
export const rememberedChangeOf = (row: RecurringPayment): PendingChange | null => {
  const { pendingPriceId: priceId, pendingQuantity: quantity, pendingAt: at } = row;
  return priceId === null || quantity === null || at === null ? null : { priceId, quantity, at };
};

/** The change that waits at Stripe for the period's end; null where there is none, or where the recurring payment ends then. */
export const pendingChangeOf = (row: RecurringPayment): PendingChange | null =>
  row.cancelAtPeriodEnd || row.restoringBy !== null ? null : rememberedChangeOf(row);
