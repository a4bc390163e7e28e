import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** The one Stripe customer of an account, per mode and Stripe account; never matched by e-mail. */
@Entity({ schema: 'tollgate', name: 'stripe_customer' })
@Unique('stripe_customer_once', ['stripeCustomerId'])
export class StripeCustomer {
  @PrimaryColumn({ name: 'account_id', type: 'text' }) declare accountId: string;
  @PrimaryColumn({ type: 'boolean' }) declare livemode: boolean;
  @PrimaryColumn({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  /** Null while the customer is being made. */
  @Column({ name: 'stripe_customer_id', type: 'text', nullable: true }) declare stripeCustomerId: string | null;
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  /** When the present attempt's key was first used: Stripe forgets keys after 24 h. */
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
}
