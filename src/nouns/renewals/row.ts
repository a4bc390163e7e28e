import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { keyText, wholeNumber } from '../../storage/columns.js';
import { RecurringPayment } from '../recurring/row.js';

/**
 * Why an amount could not be lowered. `ABOVE_FIRST`: more than was agreed on, or than the invoice. `UNCHARGEABLE`:
 * between 1 and Stripe's minimum, not a multiple that the currency takes, or no whole number. `TOO_LATE`: the invoice
 * was finalised before. `NOT_SHOWN`: the invoice does not show the decided amount, although it was taken off. `FLOW_FAILED`:
 * the flow failed until the invoice was charged as it was.
 */
export type RenewalProblem = 'ABOVE_FIRST' | 'UNCHARGEABLE' | 'TOO_LATE' | 'NOT_SHOWN' | 'FLOW_FAILED';

/** One later invoice of a recurring payment: what the flow decided, which order it made. */
@Entity({ schema: 'tollgate', name: 'renewal' })
@Index('renewal_due', ['dueAt'], { where: 'due_at is not null' })
@Index('renewal_problem', ['problemAt'], { where: 'problem is not null' })
export class Renewal {
  @PrimaryColumn({ name: 'stripe_invoice_id', type: 'text' }) declare stripeInvoiceId: string;
  @Column({ name: 'recurring_payment_id', type: 'bigint', transformer: keyText })
  @ForeignKey(() => RecurringPayment, 'id', { name: 'renewal_recurring_payment_fk' })
  declare recurringPaymentId: string;
  /** Minor units that the flow decided; null when it left the amount alone. */
  @Column({ name: 'decided_amount', type: 'bigint', transformer: wholeNumber, nullable: true })
  declare decidedAmount: number | null;
  /** Minor units of the invoice before the flow decided. */
  @Column({ name: 'original_amount', type: 'bigint', transformer: wholeNumber, nullable: true })
  declare originalAmount: number | null;
  /** The order that the flow made. */
  @Column({ name: 'order_id', type: 'bigint', transformer: keyText, nullable: true }) declare orderId: string | null;
  /** When the flow was asked for the amount; null while it wasn't. It is asked once. */
  @Column({ name: 'decided_at', type: 'timestamptz', nullable: true }) declare decidedAt: Date | null;
  /** When the invoice was seen to show the decided amount. */
  @Column({ name: 'lowered_at', type: 'timestamptz', nullable: true }) declare loweredAt: Date | null;
  /** Number of the present try to lower it at Stripe; part of the idempotency key. */
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  /** When the present attempt's key was first used: Stripe forgets keys after 24 h. */
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  /** When a job goes on with the lowering; null when nothing is left to do. */
  @Column({ name: 'due_at', type: 'timestamptz', nullable: true }) declare dueAt: Date | null;
  /** Why the amount could not be what the flow decided; null when all is well. */
  @Column({ type: 'text', nullable: true }) declare problem: RenewalProblem | null;
  /** Minor units that the flow wanted, where there is a problem. */
  @Column({ name: 'problem_amount', type: 'bigint', transformer: wholeNumber, nullable: true })
  declare problemAmount: number | null;
  @Column({ name: 'problem_at', type: 'timestamptz', nullable: true }) declare problemAt: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
}
