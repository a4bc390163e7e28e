import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import { statusIn } from '../../core/status-sql.js';
import { keyText, wholeNumber } from '../../storage/columns.js';
import { Payment } from '../payments/row.js';
import { DISPUTE_STATUSES, type DisputeStatus, OPEN_DISPUTE_STATUSES } from './states.js';

/** A dispute whose end isn't known, in SQL. */
export const OPEN_DISPUTE = statusIn(OPEN_DISPUTE_STATUSES);

/** One dispute of one payment, as Stripe has it. Rows are never deleted; payment, currency and Stripe's id never change. */
@Entity({ schema: 'tollgate', name: 'dispute' })
@Check('dispute_amount_not_negative', 'amount >= 0')
@Check('dispute_status_known', `status in ('${DISPUTE_STATUSES.join("', '")}')`)
@Unique('dispute_stripe_once', ['stripeDisputeId'])
@Index('dispute_payment', ['paymentId'])
@Index('dispute_created', ['createdAt', 'id'])
@Index('dispute_open', ['id'], { where: OPEN_DISPUTE })
export class Dispute {
  @PrimaryColumn({ type: 'bigint', transformer: keyText, default: () => "nextval('tollgate.node_id')" })
  declare id: string;
  @Column({ name: 'payment_id', type: 'bigint', transformer: keyText })
  @ForeignKey(() => Payment, 'id', { name: 'dispute_payment_fk' })
  declare paymentId: string;
  /** Minor units that are disputed; Stripe may change it. */
  @Column({ type: 'bigint', transformer: wholeNumber }) declare amount: number;
  @Column({ type: 'text' }) declare currency: string;
  @Column({ type: 'text' }) declare status: DisputeStatus;
  /** Stripe's word, such as `fraudulent`. */
  @Column({ type: 'text' }) declare reason: string;
  /** Whether Stripe would still refund the charge. */
  @Column({ name: 'is_refundable', type: 'boolean' }) declare isRefundable: boolean;
  /** Until when Stripe takes evidence. */
  @Column({ name: 'evidence_due_by', type: 'timestamptz', nullable: true }) declare evidenceDueBy: Date | null;
  @Column({ name: 'stripe_dispute_id', type: 'text' }) declare stripeDisputeId: string;
  @Column({ type: 'boolean' }) declare livemode: boolean;
  @Column({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  /** The newest Stripe time seen of the dispute. */
  @Column({ name: 'seen_at', type: 'timestamptz' }) declare seenAt: Date;
  @Column({ type: 'integer', default: 1 }) declare version: number;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) declare updatedAt: Date;
}
