import type Stripe from 'stripe';
import { connectStripe, PATIENT_MS, type World } from './world.js';

/** A promise that was broken, in words. */
export type Violation = string;

/** What one promise came to: how many objects were compared, and what differed. */
export interface Comparison {
  readonly compared: number;
  readonly violations: readonly Violation[];
}

/** Checks each object. */
export const compare = <T>(objects: readonly T[], check: (object: T) => readonly Violation[]): Comparison => ({
  compared: objects.length,
  violations: objects.flatMap(check),
});

/** A payment as our table has it. */
export interface PaymentRow {
  readonly id: string;
  readonly orderId: string;
  /** Whose it is; null where nobody's. */
  readonly account: string | null;
  readonly status: string;
  readonly version: number;
  readonly received: number;
  readonly refunded: number;
  readonly disputed: number;
  readonly intentId: string | null;
  readonly invoiceId: string | null;
  /** Why its money was set aside. */
  readonly setAside: string | null;
}
interface RefundRow {
  readonly id: string;
  readonly paymentId: string;
  readonly status: string;
  readonly amount: number;
  readonly stripeId: string | null;
}

interface DisputeRow {
  readonly id: string;
  readonly paymentId: string;
  readonly status: string;
  readonly amount: number;
  readonly stripeId: string;
}

/** A call of Stripe's API, as the sandbox logged it. */
interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** Real milliseconds. */
  readonly atMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly idempotencyKey: string | null;
  readonly status: number | null;
  readonly answer: unknown;
}

/** An event on its way to an endpoint, as the sandbox logged it. */
interface LoggedDelivery {
  /** The id of a webhook endpoint, or `default`. */
  readonly endpoint: string;
  readonly type: string;
  readonly event: Stripe.Event;
  readonly attempts: readonly { readonly atMs: number; readonly durationMs: number; readonly status: number | null }[];
}

/** Both sides at the end of a run. */
export interface Books {
  readonly payments: readonly PaymentRow[];
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly DisputeRow[];
  readonly intents: ReadonlyMap<string, Stripe.PaymentIntent>;
  readonly stripeRefunds: ReadonlyMap<string, Stripe.Refund>;
  readonly stripeDisputes: ReadonlyMap<string, Stripe.Dispute>;
  readonly subscriptions: readonly Stripe.Subscription[];
  readonly invoices: readonly Stripe.Invoice[];
  readonly customers: readonly Stripe.Customer[];
  readonly charges: readonly Stripe.Charge[];
  readonly endpoints: readonly Stripe.WebhookEndpoint[];
  /** All that Stripe was asked, by us and by others. */
  readonly requests: readonly LoggedRequest[];
  readonly deliveries: readonly LoggedDelivery[];
  readonly installation: string;
}

const byId = async <T extends { id: string }>(list: AsyncIterable<T>): Promise<Map<string, T>> => {
  const found = new Map<string, T>();
  for await (const one of list) found.set(one.id, one);
  return found;
};

/**
 * Reads both sides.
 *
 * @throws Error when the installation is not known: every promise would be compared with nothing
 */
export const readBooks = async ({ sql, sandbox }: World): Promise<Books> => {
  const stripe = connectStripe(sandbox.url, PATIENT_MS);
  const rows = async <T extends object>(text: string): Promise<T[]> => (await sql.query(text)).rows as T[];
  const [payments, refunds, disputes, settings] = await Promise.all([
    rows<PaymentRow>(`select id::text, order_id::text as "orderId", account_id as account, status, version, amount_received::int as received,
      amount_refunded::int as refunded, amount_disputed::int as disputed, stripe_payment_intent_id as "intentId", stripe_invoice_id as "invoiceId", quarantined_for as "setAside"
      from tollgate.payment order by id`),
    rows<RefundRow>(`select id::text, payment_id::text as "paymentId", status, amount::int, stripe_refund_id as "stripeId"
      from tollgate.refund order by id`),
    rows<DisputeRow>(`select id::text, payment_id::text as "paymentId", status, amount::int, stripe_dispute_id as "stripeId"
      from tollgate.dispute order by id`),
    rows<{ value: unknown }>(`select value from tollgate.setting where key = 'installation'`),
  ]);
  const installation = settings[0]?.value;
  if (typeof installation !== 'string' || installation === '') throw new Error("The installation's id is not known.");
  const log = async <T>(name: 'requests' | 'deliveries'): Promise<T[]> =>
    ((await (await fetch(`${sandbox.url}/_sandbox/${name}`)).json()) as { data: T[] }).data;
  const requests = await log<LoggedRequest>('requests');
  const deliveries = await log<LoggedDelivery>('deliveries');
  const [intents, stripeRefunds, stripeDisputes, subscriptions, invoices, customers, charges, endpoints] =
    await Promise.all([
      byId(stripe.paymentIntents.list({ limit: 100 })),
      byId(stripe.refunds.list({ limit: 100 })),
      byId(stripe.disputes.list({ limit: 100 })),
      byId(stripe.subscriptions.list({ limit: 100, status: 'all', expand: ['data.schedule'] })),
      byId(stripe.invoices.list({ limit: 100 })),
      byId(stripe.customers.list({ limit: 100 })),
      byId(stripe.charges.list({ limit: 100 })),
      byId(stripe.webhookEndpoints.list({ limit: 100 })),
    ]);
  return {
    payments,
    refunds,
    disputes,
    intents,
    stripeRefunds,
    stripeDisputes,
    subscriptions: [...subscriptions.values()],
    invoices: [...invoices.values()],
    customers: [...customers.values()],
    charges: [...charges.values()],
    endpoints: [...endpoints.values()],
    requests,
    deliveries,
    installation,
  };
};

const OURS: Readonly<Record<string, string>> = {
  succeeded: 'SUCCESSFUL',
  canceled: 'CANCELED',
  processing: 'PROCESSING',
  requires_action: 'REQUIRES_ACTION',
  requires_capture: 'REQUIRES_CAPTURE',
};

/** Of which subscription an invoice is; empty where of none. */
export const subscriptionIdOf = (invoice: Stripe.Invoice): string => {
  const subscription = invoice.parent?.subscription_details?.subscription;
  return typeof subscription === 'string' ? subscription : (subscription?.id ?? '');
};

/** What a payment's status is while its intent is so. */
export const paymentStatusOf = (intent: Stripe.PaymentIntent): string =>
  OURS[intent.status] ?? (intent.last_payment_error ? 'FAILED' : 'PENDING');

/** Compares both sides in one regard. */
export type Invariant = (world: World, books: Books) => Comparison | Promise<Comparison>;
