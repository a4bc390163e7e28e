import type { As, Server, TestBed } from './tollgate.js';

const PAY = /* GraphQL */ `
  mutation ($input: PayInput!) {
    pay(input: $input) {
      payment { id orderId status version amount currency stripePaymentIntentId }
      clientSecret
      clientSecretType
      publishableKey
    }
  }
`;

/** What `pay` gave. */
export interface Paid {
  readonly payment: {
    readonly id: string;
    readonly orderId: string;
    readonly status: string;
    readonly version: number;
    readonly amount: number;
    readonly currency: string;
    readonly stripePaymentIntentId: string;
  };
  readonly clientSecret: string | null;
  readonly clientSecretType: string | null;
  readonly publishableKey: string;
}

/** A refusal, with its stable code. */
export class Refusal extends Error {
  constructor(
    readonly code: unknown,
    message: string,
  ) {
    super(`${String(code)}: ${message}`);
  }
}

/** Sends one operation and gives the data of its only root field; a refusal is thrown with its code. */
export const ask = async <T>(
  server: Server,
  query: string,
  variables: Record<string, unknown> = {},
  as?: As,
): Promise<T> => {
  const { data, errors } = await server.request(query, variables, as);
  const [error] = errors ?? [];
  if (error) throw new Refusal(error.extensions?.['code'], error.message);
  return Object.values(data ?? {})[0] as T;
};

/** Pays for an order with 100.00 USD unless told otherwise. */
export const pay = (server: Server, orderId: string, more: object = {}, as?: As): Promise<Paid> =>
  ask<Paid>(server, PAY, { input: { orderId, amount: 10_000, currency: 'USD', ...more } }, as);

/** Confirms as a customer with this payment method; a decline is Stripe's answer, not a failure of the test. */
export const confirm = async (bed: TestBed, { payment }: Paid, paymentMethod = 'pm_card_visa'): Promise<void> => {
  await bed.stripe.paymentIntents
    .confirm(payment.stripePaymentIntentId, {
      payment_method: paymentMethod,
      return_url: 'https://shop.example/return',
    })
    .catch((error: { type?: string }) => {
      if (error.type !== 'StripeCardError') throw error;
    });
};

/** Reads a payment as an account may see it. */
export const readPayment = (server: Server, id: string, as?: As): Promise<Record<string, unknown>> =>
  ask(
    server,
    'query ($id: ID!) { payment(id: $id) { id status version amountReceived failureCode failureMessage stripePaymentIntentId } }',
    { id },
    as,
  );

/** Confirms and waits until our row says the status. */
export const confirmUntil = async (
  bed: TestBed,
  server: Server,
  paid: Paid,
  { method = 'pm_card_visa', status = 'SUCCESSFUL', as }: { method?: string; status?: string; as?: string } = {},
): Promise<Record<string, unknown>> => {
  const watch = server.watch(
    'subscription ($id: ID!) { paymentUpdated(id: $id) { id status version amountReceived failureCode } }',
    { id: paid.payment.id },
    as === undefined ? undefined : { account: as },
  );
  await watch.next();
  await confirm(bed, paid, method);
  const seen = await watch.until((row) => row['status'] === status);
  await watch.stop();
  return seen.at(-1) ?? {};
};
