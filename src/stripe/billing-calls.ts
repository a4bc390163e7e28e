import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { isMarked, metadataOf, type Owner } from './metadata.js';
import { findOnPages } from './pages.js';

/** What a new subscription needs. */
export interface SubscriptionRequest {
  readonly owner: Owner;
  readonly orderId: string;
  readonly customerId: string;
  readonly priceId: string;
  readonly quantity: number;
  /** Days of trial before the first charge; 0 for none. */
  readonly trialDays: number;
  /** The saved method that its charges go to, the first one at once; null: the customer confirms that one. */
  readonly methodId: string | null;
  readonly idempotencyKey: string;
}

/** What takes the difference off an invoice; the amount in minor units, below 0. */
export interface ReductionRequest {
  readonly owner: Owner;
  readonly orderId: string;
  readonly customerId: string;
  readonly invoiceId: string;
  readonly amount: number;
  readonly currency: string;
  readonly idempotencyKey: string;
}

/** How a scheduled end is set or taken back. Stripe has two ways; each is cleared by its own parameter. */
export type ScheduledEnd = 'at-period-end' | 'clear-period-end' | 'clear-date';

/** The calls about customers, prices, subscriptions and invoices; all throw StripeCallError. */
export interface BillingCalls {
  createCustomer(request: {
    owner: Owner;
    accountId: string;
    idempotencyKey: string;
  }): Promise<Answer<Stripe.Customer>>;
  retrieveCustomer(id: string): Promise<Answer<Stripe.Customer | Stripe.DeletedCustomer>>;
  /** The customer that carries our mark, made since `since` (unix seconds). */
  findCustomer(owner: Owner, since: number): Promise<Answer<Stripe.Customer> | undefined>;
  retrievePrice(id: string): Promise<Answer<Stripe.Price>>;
  /** Makes it incomplete until its first invoice is paid; the first invoice with its secret comes with the answer. */
  createSubscription(request: SubscriptionRequest): Promise<Answer<Stripe.Subscription>>;
  /** With its latest invoice, that one's secret, and the setup intent that a trial waits for. */
  retrieveSubscription(id: string): Promise<Answer<Stripe.Subscription>>;
  /** The customer's subscription that carries our row's id, ended ones included. */
  findSubscription(owner: Owner, customerId: string): Promise<Answer<Stripe.Subscription> | undefined>;
  cancelSubscription(id: string, idempotencyKey: string): Promise<Answer<Stripe.Subscription>>;
  scheduleEnd(id: string, end: ScheduledEnd, idempotencyKey: string): Promise<Answer<Stripe.Subscription>>;
  /** With its payments and their payment intents. */
  retrieveInvoice(id: string): Promise<Answer<Stripe.Invoice>>;
  /** One negative item on a draft invoice. */
  reduceInvoice(request: ReductionRequest): Promise<Answer<Stripe.InvoiceItem>>;
  /** The item on the invoice that carries our mark. */
  findReduction(owner: Owner, invoiceId: string): Promise<Answer<Stripe.InvoiceItem> | undefined>;
  /** Ends an open invoice for good; its payment intent is cancelled with it. Source: Stripe docs, "Void an invoice". */
  voidInvoice(id: string, idempotencyKey: string): Promise<Answer<Stripe.Invoice>>;
  /** Moves a draft's own finalisation to `at`, unix seconds. */
  postponeInvoice(id: string, at: number, idempotencyKey: string): Promise<Answer<Stripe.Invoice>>;
}

/** What comes with every subscription that is read or changed. */
export const SUBSCRIPTION = {
  expand: ['latest_invoice.confirmation_secret', 'latest_invoice.payments', 'pending_setup_intent', 'schedule'],
};
const INVOICE = { expand: ['payments.data.payment.payment_intent'] };

const SCHEDULED_END: Readonly<Record<ScheduledEnd, Stripe.SubscriptionUpdateParams>> = {
  'at-period-end': { cancel_at_period_end: true },
  'clear-period-end': { cancel_at_period_end: false },
  'clear-date': { cancel_at: '' },
};

/** Binds the calls to one client. */
export const createBillingCalls = (stripe: Stripe, { read, write }: Caller): BillingCalls => ({
  createCustomer: ({ owner, accountId, idempotencyKey }) =>
    write('customer', (options) =>
      stripe.customers.create(
        {
          metadata: {
            tollgate_installation: owner.installation,
            tollgate_customer: owner.id,
            tollgate_account: accountId.slice(0, 500),
          },
        },
        { ...options, idempotencyKey },
      ),
    ),

  retrieveCustomer: (id) => read('customer', (options) => stripe.customers.retrieve(id, {}, options)),

  findCustomer: (owner, since) =>
    findOnPages<Stripe.Customer>(
      { read, write },
      (page, options) => stripe.customers.list({ ...page, created: { gte: since } }, options),
      isMarked(owner),
    ),

  retrievePrice: (id) => read('price', (options) => stripe.prices.retrieve(id, {}, options)),

  createSubscription: (request) =>
    write('subscription', (options) =>
      stripe.subscriptions.create(
        {
          customer: request.customerId,
          items: [{ price: request.priceId, quantity: request.quantity }],
          ...(request.methodId === null
            ? { payment_behavior: 'default_incomplete' as const }
            : { payment_behavior: 'allow_incomplete' as const, default_payment_method: request.methodId }),
          payment_settings: { save_default_payment_method: 'on_subscription' },
          metadata: metadataOf(request.owner, request.orderId),
          ...(request.trialDays > 0 && { trial_period_days: request.trialDays }),
          ...SUBSCRIPTION,
        },
        { ...options, idempotencyKey: request.idempotencyKey },
      ),
    ),

  retrieveSubscription: (id) =>
    read('subscription', (options) => stripe.subscriptions.retrieve(id, SUBSCRIPTION, options)),

  async findSubscription(owner, customerId) {
    const found = await findOnPages<Stripe.Subscription>(
      { read, write },
      (page, options) => stripe.subscriptions.list({ ...page, customer: customerId, status: 'all' }, options),
      isMarked(owner),
    );
    return (
      found && read('subscription', (options) => stripe.subscriptions.retrieve(found.object.id, SUBSCRIPTION, options))
    );
  },

  cancelSubscription: (id, idempotencyKey) =>
    write('subscription', (options) => stripe.subscriptions.cancel(id, {}, { ...options, idempotencyKey })),

  scheduleEnd: (id, end, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(id, SCHEDULED_END[end], { ...options, idempotencyKey }),
    ),

  retrieveInvoice: (id) => read('invoice', (options) => stripe.invoices.retrieve(id, INVOICE, options)),

  reduceInvoice: (request) =>
    write('invoiceitem', (options) =>
      stripe.invoiceItems.create(
        {
          customer: request.customerId,
          invoice: request.invoiceId,
          amount: request.amount,
          currency: request.currency.toLowerCase(),
          description: 'Reduction',
          metadata: metadataOf(request.owner, request.orderId),
        },
        { ...options, idempotencyKey: request.idempotencyKey },
      ),
    ),

  findReduction: (owner, invoiceId) =>
    findOnPages<Stripe.InvoiceItem>(
      { read, write },
      (page, options) => stripe.invoiceItems.list({ ...page, invoice: invoiceId }, options),
      isMarked(owner),
    ),

  voidInvoice: (id, idempotencyKey) =>
    write('invoice', (options) => stripe.invoices.voidInvoice(id, {}, { ...options, idempotencyKey })),

  postponeInvoice: (id, at, idempotencyKey) =>
    write('invoice', (options) =>
      stripe.invoices.update(id, { automatically_finalizes_at: at }, { ...options, idempotencyKey }),
    ),
});
