import { z } from 'zod';
import { type Owner, ownerOf } from './metadata.js';
import { parse, shapes } from './shape.js';
import { type InvoiceSummary, idOf, type PaymentSnapshot, paymentSnapshot } from './translate.js';

/** An invoice of a subscription in our words, as it was at `at`. Amounts in minor units. */
export interface InvoiceSnapshot {
  readonly invoiceId: string;
  readonly status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  /** The subscription's very first invoice: its charge belongs to the order that it was started for. */
  readonly isFirst: boolean;
  /** A new period's invoice, whose amount may be lowered. */
  readonly isCycle: boolean;
  /** The charge of a change within a period: it belongs to the order that the subscription was started for, too. */
  readonly isChange: boolean;
  readonly subscriptionId: string;
  readonly customerId: string | null;
  /** Our mark of the subscription, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** What it comes to, before the customer's credit. */
  readonly total: number;
  /** What is to be collected; 0 also where credit covers it, or where it is below the smallest charge. */
  readonly amountDue: number;
  /** What payment intents brought; money paid out of band or by credit doesn't count. */
  readonly amountReceived: number;
  /** Upper case. */
  readonly currency: string;
  /** The payment intent that collects it; null before it is finalised, or where nothing is to be collected. */
  readonly intentId: string | null;
  /** The same in our words, where it came with the invoice. */
  readonly intent: PaymentSnapshot | null;
  /** When it was paid, voided or given up, unix seconds; null while it is open. */
  readonly settledAt: number | null;
  /** Whether a charge was tried. */
  readonly wasAttempted: boolean;
  /** When Stripe finalises the draft by itself, unix seconds. */
  readonly finalizesAt: number | null;
  /** The line of the period itself: which price, and what it comes to; null where the invoice has none. */
  readonly line: { readonly priceId: string | null; readonly amount: number } | null;
  readonly periodStart: Date | null;
  readonly periodEnd: Date | null;
  /** For people. */
  readonly summary: InvoiceSummary;
  readonly livemode: boolean;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

const STATUSES = ['draft', 'open', 'paid', 'uncollectible', 'void'] as const;

const PAYMENT = z.object({
  status: z.string(),
  is_default: z.boolean(),
  amount_paid: shapes.amount.nullish(),
  payment: z.object({ type: z.string(), payment_intent: shapes.reference }),
});

const PRORATED = z.looseObject({ proration: z.boolean().nullish() }).nullish();

const LINE = z.object({
  amount: shapes.amount.nullish(),
  pricing: z.looseObject({ price_details: z.looseObject({ price: shapes.reference }).nullish() }).nullish(),
  parent: z.object({ type: z.string(), invoice_item_details: PRORATED, subscription_item_details: PRORATED }).nullish(),
  period: z.object({ start: shapes.time, end: shapes.time }).nullish(),
});

const TRANSITIONS = z
  .object({
    paid_at: shapes.time.nullish(),
    voided_at: shapes.time.nullish(),
    marked_uncollectible_at: shapes.time.nullish(),
  })
  .nullish();

const PARENT = z.object({
  subscription_details: z.object({ subscription: shapes.reference, metadata: shapes.metadata }).nullish(),
});

const INVOICE = z.object({
  id: shapes.id,
  status: shapes.text,
  billing_reason: shapes.text,
  customer: shapes.reference,
  total: shapes.amount,
  amount_due: shapes.amount,
  currency: shapes.currency,
  number: shapes.text,
  hosted_invoice_url: shapes.text,
  invoice_pdf: shapes.text,
  status_transitions: TRANSITIONS,
  attempted: z.boolean(),
  automatically_finalizes_at: shapes.time.nullish(),
  livemode: z.boolean(),
  payments: z.object({ data: z.array(PAYMENT) }).nullish(),
  lines: z.object({ data: z.array(LINE) }),
  parent: PARENT.nullish(),
});
type Payment = z.infer<typeof PAYMENT>;

const hasIntent = ({ payment }: Payment): boolean =>
  payment.type === 'payment_intent' && idOf(payment.payment_intent) !== null;

/** The payment that counts: the paid one, else the one that is open, else the last that was tried. */
const decisive = (payments: readonly Payment[]): Payment | undefined =>
  payments.find(({ status }) => status === 'paid') ??
  payments.find(({ status, is_default: isDefault }) => status === 'open' && isDefault) ??
  payments.find(({ status }) => status === 'open') ??
  payments.at(-1);

/**
 * The subscription that an invoice belongs to, as the invoice tells it; undefined for any other invoice.
 *
 * @throws StripeCallError when it is none
 */
const subscriptionOf = (
  invoice: unknown,
): { readonly subscriptionId: string; readonly owner: Owner | undefined } | undefined => {
  const { parent } = parse(z.object({ parent: PARENT.nullish() }), 'invoice', invoice);
  const details = parent?.subscription_details;
  const subscriptionId = idOf(details?.subscription);
  return subscriptionId === null ? undefined : { subscriptionId, owner: ownerOf(details?.metadata, 'recurring') };
};

const isProration = ({ parent }: z.infer<typeof LINE>): boolean =>
  Boolean(parent?.invoice_item_details?.proration ?? parent?.subscription_item_details?.proration);

const settledAtOf = (transitions: z.infer<typeof TRANSITIONS>): number | null =>
  transitions?.paid_at ?? transitions?.voided_at ?? transitions?.marked_uncollectible_at ?? null;

const dateOf = (seconds: number | undefined): Date | null => (seconds === undefined ? null : new Date(seconds * 1000));

/**
 * Translates an invoice of a subscription; undefined for any other. Source: Stripe docs, "The Invoice object", "The
 * Invoice Payment object" and "Status transitions and finalization".
 *
 * @throws StripeCallError when it is none
 */
export const invoiceSnapshot = (object: unknown, at: number): InvoiceSnapshot | undefined => {
  const subscription = subscriptionOf(object);
  if (!subscription) return undefined;
  const invoice = parse(INVOICE, 'invoice', object);
  const payments = (invoice.payments?.data ?? []).filter(hasIntent);
  const intent = decisive(payments)?.payment.payment_intent;
  const paid = payments.filter(({ status }) => status === 'paid');
  const line = invoice.lines.data.find(
    (candidate) => candidate.parent?.type === 'subscription_item_details' && !isProration(candidate),
  );
  const [periodStart, periodEnd] = [dateOf(line?.period?.start), dateOf(line?.period?.end)];
  return {
    ...subscription,
    invoiceId: invoice.id,
    status: STATUSES.find((status) => status === invoice.status) ?? 'draft',
    isFirst: invoice.billing_reason === 'subscription_create',
    isCycle: invoice.billing_reason === 'subscription_cycle',
    isChange: invoice.billing_reason === 'subscription_update' && invoice.lines.data.some(isProration),
    customerId: idOf(invoice.customer),
    total: invoice.total,
    amountDue: invoice.amount_due,
    amountReceived: paid.reduce((sum, { amount_paid: amount }) => sum + (amount ?? 0), 0),
    currency: invoice.currency.toUpperCase(),
    intentId: idOf(intent),
    intent: typeof intent !== 'object' || intent === null ? null : paymentSnapshot(intent, at),
    settledAt: settledAtOf(invoice.status_transitions),
    wasAttempted: invoice.attempted,
    finalizesAt: invoice.automatically_finalizes_at ?? null,
    line: line ? { priceId: idOf(line.pricing?.price_details?.price), amount: line.amount ?? 0 } : null,
    periodStart,
    periodEnd,
    summary: {
      number: invoice.number ?? null,
      hostedUrl: invoice.hosted_invoice_url ?? null,
      pdfUrl: invoice.invoice_pdf ?? null,
      periodStart: periodStart?.toISOString() ?? null,
      periodEnd: periodEnd?.toISOString() ?? null,
    },
    livemode: invoice.livemode,
    at,
  };
};
