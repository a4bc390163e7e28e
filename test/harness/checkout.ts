import type Stripe from 'stripe';
import { ask } from './payments.js';
import type { As, Server, TestBed } from './tollgate.js';

const PAY = /* GraphQL */ `
  mutation ($input: PayInput!) {
    pay(input: $input) {
      payment { id orderId status version amount currency stripePaymentIntentId }
      clientSecret
      checkoutUrl
    }
  }
`;
const CONTINUE = /* GraphQL */ `
  mutation ($id: ID!) {
    continuePayment(input: { id: $id }) {
      payment { id orderId status version amount currency stripePaymentIntentId }
      clientSecret
      checkoutUrl
    }
  }
`;

/** Where the tests' shop is. */
export const SHOP = 'https://shop.example';
/** Lets checkout pages send people back there. */
export const REDIRECTS = { REDIRECT_ORIGINS: SHOP };

/** What `pay` and `continuePayment` gave. */
export interface CheckoutAnswer {
  readonly payment: {
    readonly id: string;
    readonly orderId: string;
    readonly status: string;
    readonly version: number;
    readonly stripePaymentIntentId: string | null;
  };
  readonly clientSecret: string | null;
  readonly checkoutUrl: string | null;
}

/** Pays for an order with 100.00 USD on Stripe's page unless told otherwise. */
export const payByCheckout = (server: Server, orderId: string, more: object = {}, as?: As): Promise<CheckoutAnswer> =>
  ask(
    server,
    PAY,
    {
      input: {
        orderId,
        amount: 10_000,
        currency: 'USD',
        mode: 'CHECKOUT',
        successUrl: `${SHOP}/done?session={CHECKOUT_SESSION_ID}`,
        cancelUrl: `${SHOP}/cart`,
        ...more,
      },
    },
    as,
  );

/** What the return page does. */
export const goOn = (server: Server, id: string, as?: As): Promise<CheckoutAnswer> => ask(server, CONTINUE, { id }, as);

/** The session behind a page's address. */
export const sessionOf = (url: string | null): string => url?.split('/').at(-1) ?? '';

/** A customer confirms on the page; gives the HTTP status, 402 for a decline. */
export const complete = async (bed: TestBed, url: string | null, method = 'pm_card_visa'): Promise<number> => {
  const response = await fetch(`${bed.sandbox.url}/_sandbox/checkout/sessions/${sessionOf(url)}/complete`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ payment_method: method, email: 'ada@example.com' }),
  });
  return response.status;
};

/** The sessions that were made for an order. */
export const sessionsOf = async (bed: TestBed, orderId: string): Promise<Stripe.Checkout.Session[]> =>
  (await bed.stripe.checkout.sessions.list({ limit: 100 })).data.filter(
    ({ metadata }) => metadata?.['tollgate_order'] === orderId,
  );

/** Watches a payment until it has the status; the rows that were seen. */
export const paymentUntil = async (
  server: Server,
  id: string,
  status: string,
  timeoutMs = 15_000,
): Promise<Record<string, unknown>[]> => {
  const watch = server.watch(
    'subscription ($id: ID!) { paymentUpdated(id: $id) { id status version amountReceived failureCode stripePaymentIntentId } }',
    { id },
  );
  try {
    return await watch.until((row) => row['status'] === status, timeoutMs);
  } finally {
    await watch.stop();
  }
};
