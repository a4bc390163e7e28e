import type Stripe from 'stripe';
import { ask } from './payments.js';
import { advanceClock } from './sandbox-control.js';
import type { As, Server, TestBed } from './tollgate.js';

const FIELDS = `id orderId priceId quantity status version initialAmount currency cancelAtPeriodEnd cancelAt canceledAt
  endedAt collectionPaused currentPeriodEnd stripeSubscriptionId agreedAmount pendingChange { priceId quantity at }`;
const INITIATE = `mutation ($input: InitiateRecurringPaymentInput!) {
  initiateRecurringPayment(input: $input) { recurringPayment { ${FIELDS} } clientSecret clientSecretType publishableKey }
}`;

const HOUR = 3_600;
/** As long as the longest month. */
const MONTH = 31 * 24 * HOUR;

/** A recurring payment as a client reads it. */
export interface Recurring {
  readonly id: string;
  readonly orderId: string;
  readonly priceId: string;
  readonly quantity: number;
  readonly status: string;
  readonly version: number;
  readonly initialAmount: number;
  readonly currency: string;
  readonly cancelAtPeriodEnd: boolean;
  readonly cancelAt: string | null;
  readonly canceledAt: string | null;
  readonly endedAt: string | null;
  readonly collectionPaused: boolean;
  readonly currentPeriodEnd: string | null;
  readonly stripeSubscriptionId: string;
  readonly agreedAmount: number;
  readonly pendingChange: { readonly priceId: string; readonly quantity: number; readonly at: string } | null;
}

/** What `initiateRecurringPayment` gave. */
export interface Initiated {
  readonly recurringPayment: Recurring;
  readonly clientSecret: string | null;
  readonly clientSecretType: string | null;
}

/** A payment of a recurring payment. */
export interface Charge {
  readonly id: string;
  readonly orderId: string;
  readonly status: string;
  readonly amount: number;
  readonly amountReceived: number;
  readonly stripePaymentIntentId: string | null;
}

/** A monthly price of a new product, 100.00 USD unless told. */
export const monthlyPrice = async (
  { stripe }: TestBed,
  more: Partial<Stripe.PriceCreateParams> = {},
): Promise<string> => {
  const product = await stripe.products.create({ name: 'Tea of the month' });
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'usd',
    unit_amount: 10_000,
    recurring: { interval: 'month' },
    ...more,
  });
  return price.id;
};

export const initiate = (server: Server, orderId: string, priceId: string, more: object = {}, as?: As) =>
  ask<Initiated>(server, INITIATE, { input: { orderId, priceId, ...more } }, as);

export const cancel = async (server: Server, input: object, as?: As): Promise<Recurring> =>
  (
    await ask<{ recurringPayment: Recurring }>(
      server,
      `mutation ($input: CancelRecurringPaymentInput!) { cancelRecurringPayment(input: $input) { recurringPayment { ${FIELDS} } } }`,
      { input },
      as,
    )
  ).recurringPayment;

export const resume = async (
  server: Server,
  recurringPaymentId: string,
  more: object = {},
  as?: As,
): Promise<Recurring> =>
  (
    await ask<{ recurringPayment: Recurring }>(
      server,
      `mutation ($input: ResumeRecurringPaymentInput!) { resumeRecurringPayment(input: $input) { recurringPayment { ${FIELDS} } } }`,
      { input: { recurringPaymentId, ...more } },
      as,
    )
  ).recurringPayment;

/** A mutation of RECURRING_CHANGE, as an operator unless told. */
export const alter = async (
  server: Server,
  operation: 'changeRecurringPayment' | 'pauseRecurringPayment' | 'unpauseRecurringPayment',
  input: object,
  as: As = { account: 'boss', roles: ['admin'] },
): Promise<Recurring> => {
  const type = `${operation[0]?.toUpperCase()}${operation.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${operation}(input: $input) { recurringPayment { ${FIELDS} } } }`;
  return (await ask<{ recurringPayment: Recurring }>(server, query, { input }, as)).recurringPayment;
};

export const readRecurring = (server: Server, id: string, as?: As): Promise<Recurring> =>
  ask<Recurring>(server, `query ($id: ID!) { recurringPayment(id: $id) { ${FIELDS} } }`, { id }, as);

/** Its payments, oldest first. */
export const readCharges = async (server: Server, id: string, as?: As): Promise<Charge[]> => {
  const { payments } = await ask<{ payments: { edges: { node: Charge }[] } }>(
    server,
    `query ($id: ID!) { recurringPayment(id: $id) { payments(first: 100) { edges { node {
      id orderId status amount amountReceived stripePaymentIntentId } } } } }`,
    { id },
    as,
  );
  return payments.edges.map(({ node }) => node).reverse();
};

/** The payment intent of a client secret. */
export const intentOf = (secret: string | null): string => secret?.split('_secret_')[0] ?? '';

/** Watches a recurring payment until the predicate holds; the rows that were seen, versions rising. */
export const watchUntil = async (
  server: Server,
  id: string,
  holds: (row: Recurring) => boolean,
  timeoutMs = 10_000,
): Promise<Recurring[]> => {
  const watch = server.watch(`subscription ($id: ID!) { recurringPaymentUpdated(id: $id) { ${FIELDS} } }`, { id });
  try {
    return (await watch.until((row) => holds(row as unknown as Recurring), timeoutMs)) as unknown as Recurring[];
  } finally {
    await watch.stop();
  }
};

/** Asks again and again until the predicate holds; the last answer. For what no stream tells. */
export const eventually = async <T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 30; ; pauseMs = Math.min(pauseMs * 1.3, 200)) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms; at last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
};

/** A recurring payment whose first charge went through, on an order of its own. */
export const startActive = async (
  bed: TestBed,
  server: Server,
  { priceId, method = 'pm_card_visa' }: { priceId?: string; method?: string } = {},
): Promise<Recurring> => {
  const orderId = await bed.createOrder();
  const started = await initiate(server, orderId, priceId ?? (await monthlyPrice(bed)));
  await bed.stripe.paymentIntents.confirm(intentOf(started.clientSecret), { payment_method: method });
  const { id } = started.recurringPayment;
  await watchUntil(server, id, ({ status }) => status === 'ACTIVE');
  await eventually(
    () => readCharges(server, id),
    ([first]) => first?.status === 'SUCCESSFUL',
  );
  return readRecurring(server, id);
};

/** Lets later charges go to another payment method. */
export const setLaterMethod = async (bed: TestBed, subscriptionId: string, method: string): Promise<void> => {
  const { customer } = await bed.stripe.subscriptions.retrieve(subscriptionId);
  const attached = await bed.stripe.paymentMethods.attach(method, { customer: String(customer) });
  await bed.stripe.subscriptions.update(subscriptionId, { default_payment_method: attached.id });
};

/** Moves the sandbox's clock beyond the end of the current period, and the hour after which its invoice is charged. */
export const renew = async (bed: TestBed, seconds = MONTH + 2 * HOUR): Promise<void> => {
  await advanceClock(bed.sandbox, seconds);
};
