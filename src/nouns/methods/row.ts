import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { keyText } from '../../storage/columns.js';

/** The saving of one payment method, until its customer has done it: a setup intent, or Stripe's page for one. No money moves. */
@Entity({ schema: 'tollgate', name: 'method_setup' })
@Check('method_setup_mode_known', "mode in ('ELEMENTS', 'CHECKOUT')")
@Unique('method_setup_object_once', ['stripeObjectId'])
@Index('method_setup_open_once', ['accountId', 'livemode', 'stripeAccount'], { unique: true, where: 'is_open' })
export class MethodSetup {
  @PrimaryColumn({ type: 'bigint', transformer: keyText, default: () => "nextval('tollgate.node_id')" })
  declare id: string;
  @Column({ name: 'account_id', type: 'text' }) declare accountId: string;
  @Column({ type: 'boolean' }) declare livemode: boolean;
  @Column({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  @Column({ type: 'text' }) declare mode: 'ELEMENTS' | 'CHECKOUT';
  @Column({ name: 'success_url', type: 'text', nullable: true }) declare successUrl: string | null;
  @Column({ name: 'cancel_url', type: 'text', nullable: true }) declare cancelUrl: string | null;
  /** Whether it is the one that a request without a key gets. */
  @Column({ name: 'is_open', type: 'boolean', default: true }) declare isOpen: boolean;
  @Column({ name: 'stripe_customer_id', type: 'text', nullable: true }) declare stripeCustomerId: string | null;
  /** The setup intent, or the Checkout Session. */
  @Column({ name: 'stripe_object_id', type: 'text', nullable: true }) declare stripeObjectId: string | null;
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  /** When the present attempt's key was first used: Stripe forgets keys after 24 h. */
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
}
