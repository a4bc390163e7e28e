import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { SUBSCRIPTION } from './billing-calls.js';
import { isMarked, type Owner } from './metadata.js';
import { findOnPages, readPages } from './pages.js';

/** What a setup intent needs, or a page on which a method is saved. */
export interface SetupRequest {
  readonly owner: Owner;
  readonly customerId: string;
  readonly idempotencyKey: string;
}

/** What a session of the customer portal needs. */
export interface PortalRequest {
  readonly customerId: string;
  readonly returnUrl: string;
  /** Leads at once to the page for another payment method. */
  readonly isMethodUpdate: boolean;
  readonly idempotencyKey: string;
}

/** How a saved method is charged. */
export interface MethodCharge {
  readonly methodId: string;
  /** Whether the customer isn't there to authenticate. */
  readonly offSession: boolean;
}

/** What an open invoice is charged to; null: whatever Stripe charges it to by itself. */
export interface InvoiceCharge extends Omit<MethodCharge, 'methodId'> {
  readonly methodId: string | null;
}

/** The calls about saved payment methods and the customer portal; all throw StripeCallError. */
export interface MethodCalls {
  /** All that are saved for the customer, newest first. */
  listMethods(customerId: string): Promise<readonly Stripe.PaymentMethod[]>;
  retrieveMethod(id: string): Promise<Answer<Stripe.PaymentMethod>>;
  detachMethod(id: string, idempotencyKey: string): Promise<Answer<Stripe.PaymentMethod>>;
  /** What the customer's later invoices go to. */
  setDefaultMethod(customerId: string, methodId: string, idempotencyKey: string): Promise<Answer<Stripe.Customer>>;
  /** What the subscription's later invoices go to. */
  setSubscriptionMethod(id: string, methodId: string, idempotencyKey: string): Promise<Answer<Stripe.Subscription>>;
  createSetup(request: SetupRequest): Promise<Answer<Stripe.SetupIntent>>;
  retrieveSetup(id: string): Promise<Answer<Stripe.SetupIntent>>;
  /** The customer's setup intent that carries our mark. */
  findSetup(owner: Owner, customerId: string): Promise<Answer<Stripe.SetupIntent> | undefined>;
  createSetupCheckout(
    request: SetupRequest & { readonly successUrl: string; readonly cancelUrl: string },
  ): Promise<Answer<Stripe.Checkout.Session>>;
  createPortalSession(request: PortalRequest): Promise<Answer<Stripe.BillingPortal.Session>>;
  /** Confirms a payment intent with a saved method of its customer. */
  confirmPaymentIntent(id: string, charge: MethodCharge, idempotencyKey: string): Promise<Answer<Stripe.PaymentIntent>>;
  /** Tries at once to take the money of an open invoice, with its own method unless another is named. Source: Stripe docs, "Pay an invoice". */
  payInvoice(id: string, charge: InvoiceCharge, idempotencyKey: string): Promise<Answer<Stripe.Invoice>>;
}

const marked = ({ installation, noun, id }: Owner): Record<string, string> => ({
  tollgate_installation: installation,
  [`tollgate_${noun}`]: id,
});

const createSetupCalls = (
  stripe: Stripe,
  { read, write }: Caller,
): Pick<MethodCalls, 'createSetup' | 'retrieveSetup' | 'findSetup' | 'createSetupCheckout'> => ({
  createSetup: ({ owner, customerId, idempotencyKey }) =>
    write('setup_intent', (options) =>
      stripe.setupIntents.create(
        {
          customer: customerId,
          usage: 'off_session',
          automatic_payment_methods: { enabled: true },
          metadata: marked(owner),
        },
        { ...options, idempotencyKey },
      ),
    ),

  retrieveSetup: (id) => read('setup_intent', (options) => stripe.setupIntents.retrieve(id, {}, options)),

  findSetup: (owner, customerId) =>
    findOnPages<Stripe.SetupIntent>(
      { read, write },
      (page, options) => stripe.setupIntents.list({ ...page, customer: customerId }, options),
      isMarked(owner),
    ),

  createSetupCheckout: ({ owner, customerId, successUrl, cancelUrl, idempotencyKey }) =>
    write('checkout.session', (options) =>
      stripe.checkout.sessions.create(
        {
          mode: 'setup',
          customer: customerId,
          // Stripe wants one where the methods are its dashboard's; what is saved works in others too.
          currency: 'usd',
          success_url: successUrl,
          cancel_url: cancelUrl,
          metadata: marked(owner),
          setup_intent_data: { metadata: marked(owner) },
          expand: ['payment_intent.latest_charge'],
        },
        { ...options, idempotencyKey },
      ),
    ),
});

/** Binds the calls to one client. */
export const createMethodCalls = (stripe: Stripe, { read, write }: Caller): MethodCalls => ({
  ...createSetupCalls(stripe, { read, write }),

  async listMethods(customerId) {
    const all: Stripe.PaymentMethod[] = [];
    const pages = readPages<Stripe.PaymentMethod>({ read, write }, (page, options) =>
      stripe.customers.listPaymentMethods(customerId, page, options),
    );
    for await (const { object } of pages) all.push(...object);
    return all;
  },

  retrieveMethod: (id) => read('payment_method', (options) => stripe.paymentMethods.retrieve(id, {}, options)),

  detachMethod: (id, idempotencyKey) =>
    write('payment_method', (options) => stripe.paymentMethods.detach(id, {}, { ...options, idempotencyKey })),

  setDefaultMethod: (customerId, methodId, idempotencyKey) =>
    write('customer', (options) =>
      stripe.customers.update(
        customerId,
        { invoice_settings: { default_payment_method: methodId } },
        { ...options, idempotencyKey },
      ),
    ),

  setSubscriptionMethod: (id, methodId, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(
        id,
        { default_payment_method: methodId, ...SUBSCRIPTION },
        { ...options, idempotencyKey },
      ),
    ),

  createPortalSession: ({ customerId, returnUrl, isMethodUpdate, idempotencyKey }) =>
    write('billing_portal.session', (options) =>
      stripe.billingPortal.sessions.create(
        {
          customer: customerId,
          return_url: returnUrl,
          ...(isMethodUpdate && { flow_data: { type: 'payment_method_update' as const } }),
        },
        { ...options, idempotencyKey },
      ),
    ),

  confirmPaymentIntent: (id, { methodId, offSession }, idempotencyKey) =>
    write('payment_intent', (options) =>
      stripe.paymentIntents.confirm(
        id,
        {
          payment_method: methodId,
          // Nobody is there to be led anywhere; who is there authenticates with Stripe.js.
          ...(offSession ? { off_session: true } : { use_stripe_sdk: true }),
          expand: ['latest_charge'],
        },
        { ...options, idempotencyKey },
      ),
    ),

  payInvoice: (id, { methodId, offSession }, idempotencyKey) =>
    write('invoice', (options) =>
      stripe.invoices.pay(
        id,
        { ...(methodId !== null && { payment_method: methodId }), off_session: offSession },
        { ...options, idempotencyKey },
      ),
    ),
});
