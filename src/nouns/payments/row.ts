import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';
import {
  OPEN_PAYMENT_STATUSES,
  PAID_STATUSES,
  PAYMENT_STATUSES,
  type PaymentStatus,
  QUARANTINE_REASONS,
  type QuarantineReason,
} from '../../core/states.js';
import { statusIn } from '../../core/status-sql.js';
import { keyText, wholeNumber } from '../../storage/columns.js';
import type { PaymentMethodSummary } from '../../stripe/charge-snapshot.js';
import type { InvoiceSummary } from '../../stripe/translate.js';
import { RecurringPayment } from '../recurring/row.js';

const { always, withIntent } = OPEN_PAYMENT_STATUSES;

/** A payment that may still be paid: `isOpen` of core/states.ts in SQL. */
export const OPEN_PAYMENT = `(${statusIn(always)} or (${statusIn(withIntent)} and stripe_payment_intent_id is not null))`;

/** A payment whose money its order has: `isPaid` of core/states.ts in SQL. */
export const paidPayment = (status = 'status'): string => statusIn(PAID_STATUSES, status);

/** What Stripe's money brought the order of a payment, for the table `name`; minor units. */
export const paidBy = (name: string): string => `${name}.amount_received - ${name}.amount_refunded`;

/** The same, whoever held the money. */
export const broughtBy = (name: string): string => `${paidBy(name)} + coalesce(${name}.amount_settled_elsewhere, 0)`;

/** The one sum of what an order has, over its paid payments in one currency, in a table `name`: as `PaidSums`. */
export const paidSums = (name: string): string =>
  `coalesce(sum(${paidBy(name)}), 0)::bigint as "paid", coalesce(sum(${broughtBy(name)}), 0)::bigint as "covered"`;

/** What an order has in one currency, in minor units: received money less confirmed refunds, and all that covers it. */
export interface PaidSums {
  readonly paid: number;
  readonly covered: number;
}

/** Whether the payment `other` collects for the order of `one`, in its currency and with the keys of the same account. */
export const isOfSameOrder = (one: string, other: string): string =>
  ['order_id', 'currency', 'livemode', 'stripe_account'].map((c) => `${other}.${c} = ${one}.${c}`).join(' and ');

/** What the received money of a payment is in: its refunds are too. */
export const receivedIn = ({ currency, receivedCurrency }: Pick<Payment, 'currency' | 'receivedCurrency'>): string =>
  receivedCurrency ?? currency;

/** One open collection per order, mode and Stripe account, whichever kind; an invoice that comes beside another is marked. */
const COLLECTS_ALONE = `not shares_order and ${OPEN_PAYMENT}`;

/** One attempt to collect money for an order. Rows are never deleted; amount, currency and order never change. */
@Entity({ schema: 'tollgate', name: 'payment' })
@Check('payment_amount_positive', 'amount > 0 or (amount = 0 and stripe_invoice_id is not null)')
@Check('payment_received_not_negative', 'amount_received >= 0')
@Check('payment_settled_elsewhere_not_negative', 'amount_settled_elsewhere >= 0')
@Check('payment_refunded_within_received', 'amount_refunded between 0 and amount_received')
@Check('payment_refund_pending_not_negative', 'amount_refund_pending >= 0')
@Check('payment_disputed_not_negative', 'amount_disputed >= 0')
@Check('payment_currency_code', "currency ~ '^[A-Z]{3}$'")
@Check('payment_status_known', `status in ('${PAYMENT_STATUSES.join("', '")}')`)
@Check('payment_quarantined_for_known', `quarantined_for in ('${QUARANTINE_REASONS.join("', '")}')`)
@Unique('payment_intent_once', ['stripePaymentIntentId'])
@Unique('payment_checkout_session_once', ['stripeCheckoutSessionId'])
@Unique('payment_invoice_once', ['stripeInvoiceId'])
@Index('payment_collects_once', ['orderId', 'livemode', 'stripeAccount'], { unique: true, where: COLLECTS_ALONE })
@Index('payment_withdrawn', ['withdrawAt'], { where: 'withdraw_at is not null' })
@Index('payment_excess', ['excessAt'], { where: 'excess_at is not null' })
@Index('payment_send_back', ['sendBackAt'], { where: 'send_back_at is not null' })
@Index('payment_charge', ['stripeChargeId'], { where: 'stripe_charge_id is not null' })
@Index('payment_created', ['createdAt', 'id'])
@Index('payment_status', ['status', 'createdAt', 'id'], { where: `status <> 'SUCCESSFUL'` })
@Index('payment_refunded', ['createdAt', 'id'], { where: 'amount_refunded > 0' })
@Index('payment_order', ['orderId'])
@Index('payment_account', ['accountId', 'createdAt', 'id'])
@Index('payment_recurring', ['recurringPaymentId'])
export class Payment {
  @PrimaryColumn({ type: 'bigint', transformer: keyText, default: () => "nextval('tollgate.node_id')" })
  declare id: string;
  /** The bound order's key; its type becomes that key's type at activation. */
  @Column({ name: 'order_id', type: 'bigint', transformer: keyText }) declare orderId: string;
  @Column({ name: 'account_id', type: 'text', nullable: true }) declare accountId: string | null;
  @Column({ type: 'bigint', transformer: wholeNumber }) declare amount: number;
  @Column({ type: 'text' }) declare currency: string;
  @Column({ type: 'text', default: 'PENDING' }) declare status: PaymentStatus;
  @Column({ type: 'text', default: 'ELEMENTS' }) declare mode: 'ELEMENTS' | 'CHECKOUT';
  @Column({ name: 'capture_method', type: 'text', default: 'AUTOMATIC' }) declare captureMethod: 'AUTOMATIC' | 'MANUAL';
  /** Minor units that Stripe confirmed as received; 0 until then. */
  @Column({ name: 'amount_received', type: 'bigint', transformer: wholeNumber, default: 0 })
  declare amountReceived: number;
  /**
   * Minor units that an invoice settled without Stripe's money, out of band, from credit or by a discount, as far as the order asks
   * for them; they count once the payment is SUCCESSFUL. Null where Stripe's money pays all.
   */
  @Column({ name: 'amount_settled_elsewhere', type: 'bigint', transformer: wholeNumber, nullable: true })
  declare amountSettledElsewhere: number | null;
  /** Minor units of confirmed refunds. */
  @Column({ name: 'amount_refunded', type: 'bigint', transformer: wholeNumber, default: 0 })
  declare amountRefunded: number;
  /** Minor units reserved by refunds whose end isn't known yet. */
  @Column({ name: 'amount_refund_pending', type: 'bigint', transformer: wholeNumber, default: 0 })
  declare amountRefundPending: number;
  /** Minor units that open or lost disputes have taken. */
  @Column({ name: 'amount_disputed', type: 'bigint', transformer: wholeNumber, default: 0 })
  declare amountDisputed: number;
  @Column({ type: 'text', nullable: true }) declare description: string | null;
  @Column({ name: 'failure_code', type: 'text', nullable: true }) declare failureCode: string | null;
  @Column({ name: 'failure_message', type: 'text', nullable: true }) declare failureMessage: string | null;
  @Column({ name: 'recurring_payment_id', type: 'bigint', transformer: keyText, nullable: true })
  @ForeignKey(() => RecurringPayment, 'id', { name: 'payment_recurring_fk' })
  declare recurringPaymentId: string | null;
  @Column({ name: 'stripe_payment_intent_id', type: 'text', nullable: true })
  declare stripePaymentIntentId: string | null;
  @Column({ name: 'stripe_checkout_session_id', type: 'text', nullable: true })
  declare stripeCheckoutSessionId: string | null;
  /** Whether its object is made for the account's customer: decided when the payment is made. */
  @Column({ name: 'for_customer', type: 'boolean', default: false }) declare forCustomer: boolean;
  /** That customer's id at Stripe; null until it is known. */
  @Column({ name: 'stripe_customer_id', type: 'text', nullable: true }) declare stripeCustomerId: string | null;
  /** Whether the method that pays is kept for later payments. */
  @Column({ name: 'saves_method', type: 'boolean', default: false }) declare savesMethod: boolean;
  /** Stripe's id of the saved method that the server confirms it with, or last tried its open invoice with; null: the customer confirms. */
  @Column({ name: 'saved_method_id', type: 'text', nullable: true }) declare savedMethodId: string | null;
  /** Whether it is confirmed without the customer there. */
  @Column({ name: 'off_session', type: 'boolean', default: false }) declare offSession: boolean;
  /** Where the checkout page sends people back to, as the client gave it; null: a page of our own. */
  @Column({ name: 'success_url', type: 'text', nullable: true }) declare successUrl: string | null;
  @Column({ name: 'cancel_url', type: 'text', nullable: true }) declare cancelUrl: string | null;
  @Column({ name: 'stripe_invoice_id', type: 'text', nullable: true }) declare stripeInvoiceId: string | null;
  /** An invoice's payment that came while another collection of its order was open. */
  @Column({ name: 'shares_order', type: 'boolean', default: false, select: false }) declare sharesOrder?: boolean;
  /** When a job asks whether its order still needs it; null while nothing hints that it doesn't. */
  @Column({ name: 'withdraw_at', type: 'timestamptz', nullable: true, select: false }) declare withdrawAt?: Date | null;
  /** When it brought its order more than was due. */
  @Column({ name: 'excess_at', type: 'timestamptz', nullable: true, select: false }) declare excessAt?: Date | null;
  /** Why its money was set aside; it stays once the money was taken or sent back. */
  @Column({ name: 'quarantined_for', type: 'text', nullable: true }) declare quarantinedFor: QuarantineReason | null;
  /** What the received money is in where that isn't `currency`; only quarantined money is. */
  @Column({ name: 'received_currency', type: 'text', nullable: true }) declare receivedCurrency: string | null;
  /** When a job sends quarantined money back, as the policy says. */
  @Column({ name: 'send_back_at', type: 'timestamptz', nullable: true, select: false })
  declare sendBackAt?: Date | null;
  /** What the app gave at pay. */
  @Column({ type: 'jsonb', default: {} }) declare metadata: Readonly<Record<string, string>>;
  @Column({ name: 'receipt_email', type: 'text', nullable: true }) declare receiptEmail: string | null;
  @Column({ name: 'statement_descriptor_suffix', type: 'text', nullable: true })
  declare statementDescriptorSuffix: string | null;
  @Column({ type: 'text', nullable: true }) declare locale: string | null;
  /** The method that paid, or was last tried. */
  @Column({ name: 'payment_method', type: 'jsonb', nullable: true })
  declare paymentMethod: PaymentMethodSummary | null;
  @Column({ name: 'receipt_url', type: 'text', nullable: true }) declare receiptUrl: string | null;
  @Column({ type: 'jsonb', nullable: true }) declare invoice: InvoiceSummary | null;
  /** The newest word of a charge, which may come before the status that it brings: it shows with that version. */
  @Column({ type: 'jsonb', nullable: true, select: false }) declare charge?: { readonly id: string } | null;
  /** The latest charge, of the last attempt: tells a second decline from a repeat of the first. */
  @Column({ name: 'stripe_charge_id', type: 'text', nullable: true }) declare stripeChargeId: string | null;
  @Column({ type: 'boolean' }) declare livemode: boolean;
  /** Stripe's id of the account that the key belongs to: rows of another account are never touched. */
  @Column({ name: 'stripe_account', type: 'text' }) declare stripeAccount: string;
  /** Number of the present try to create the object at Stripe; part of the idempotency key. */
  @Column({ type: 'integer', default: 1 }) declare attempt: number;
  /** When the present attempt's key was first used: Stripe forgets keys after 24 h. */
  @Column({ name: 'attempted_at', type: 'timestamptz', nullable: true }) declare attemptedAt: Date | null;
  /** The status that somebody asked Stripe for, and who did: the event may be faster than the answer. */
  @Column({ name: 'asked_for', type: 'text', nullable: true }) declare askedFor: 'CANCELED' | 'SUCCESSFUL' | null;
  @Column({ name: 'asked_by', type: 'text', nullable: true }) declare askedBy: string | null;
  /** The newest Stripe time seen of the payment's object. */
  @Column({ name: 'seen_at', type: 'timestamptz', nullable: true }) declare seenAt: Date | null;
  @Column({ type: 'integer', default: 1 }) declare version: number;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) declare updatedAt: Date;
}
