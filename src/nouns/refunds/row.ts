import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { REFUND_STATUSES, RESERVING_STATUSES, type RefundStatus } from '../../core/states.js';
import { statusIn } from '../../core/status-sql.js';
import { keyText, wholeNumber } from '../../storage/columns.js';
import { Payment } from '../payments/row.js';

/** A refund that holds its amount: `holdsReservation` of core/states.ts in SQL. */
export const RESERVES = statusIn(RESERVING_STATUSES);

/** A refund of which it isn't known whether Stripe made it. */
export const UNKNOWN_OUTCOME = "status = 'PENDING' and stripe_refund_id is null";

/** One refund of one payment. Rows are never deleted; amount, currency and payment never change. */
@Entity({ schema: 'tollgate', name: 'refund' })
@Check('refund_amount_positive', 'amount > 0')
@Check('refund_status_known', `status in ('${REFUND_STATUSES.join("', '")}')`)
@Unique('refund_stripe_once', ['stripeRefundId'])
@Index('refund_payment', ['paymentId'])
@Index('refund_created', ['createdAt', 'id'])
@Index('refund_status', ['status', 'createdAt', 'id'])
@Index('refund_unknown', ['nextCheckAt'], { where: UNKNOWN_OUTCOME })
export class Refund {
  @PrimaryColumn({ type: 'bigint', transformer: keyText, default: () => "nextval('tollgate.node_id')" })
  declare id: string;
  @Column({ name: 'payment_id', type: 'bigint', transformer: keyText })
  @ForeignKey(() => Payment, 'id', { name: 'refund_payment_fk' })
  declare paymentId: string;
  /** Minor units. */
  @Column({ type: 'bigint', transformer: wholeNumber }) declare amount: number;
  @Column({ type: 'text' }) declare currency: string;
  @Column({ type: 'text', default: 'PENDING' }) declare status: RefundStatus;
  /** Free text of whoever asked for it. */
  @Column({ type: 'text', nullable: true }) declare reason: string | null;
  /** Stripe's own reason, in the contract's words. */
  @Column({ name: 'stripe_reason', type: 'text', nullable: true }) declare stripeReason: string | null;
  @Column({ name: 'failure_reason', type: 'text', nullable: true }) declare failureReason: string | null;
  @Column({ name: 'stripe_refund_id', type: 'text', nullable: true }) declare stripeRefundId: string | null;
  @Column({ type: 'boolean' }) declare livemode: boolean;
  @Column({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  /** Number of the present try to create it at Stripe; part of the idempotency key. */
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  /** When the present attempt's key was first used: Stripe forgets keys after 24 h. */
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  /** HTTP status of the last answer to the present attempt; null without one. Stripe replays a 5xx to the key. */
  @Column({ name: 'last_status', type: 'integer', nullable: true }) declare lastStatus: number | null;
  /** When Stripe was first read and had no such refund, for the present attempt. */
  @Column({ name: 'absent_since', type: 'timestamptz', nullable: true }) declare absentSince: Date | null;
  /** How often its outcome was looked for; the waits between grow with it. */
  @Column({ type: 'integer', default: 0 }) declare checks: number;
  /** When its outcome is looked for again; null until a first call has failed. */
  @Column({ name: 'next_check_at', type: 'timestamptz', nullable: true }) declare nextCheckAt: Date | null;
  /** The newest Stripe time seen of the refund. */
  @Column({ name: 'seen_at', type: 'timestamptz', nullable: true }) declare seenAt: Date | null;
  @Column({ type: 'integer', default: 1 }) declare version: number;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) declare updatedAt: Date;
}
