import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { readConfig } from '../config.js';
import { findCurrency } from '../core/money.js';
import { prepareSample, SAMPLE_ORDERS, SANDBOX_KEYS } from '../embedded/embedded-run.js';
import { loadFlows } from '../flows/flow-loader.js';
import type { Flows } from '../flows/flows.js';
import { signToken } from '../graphql/token.js';
import { setFirstPlan } from '../installation/plan.js';
import { startTollgate, type Tollgate } from '../main.js';
import { createActivation } from '../orders/activation.js';
import { createOrders } from '../orders/orders.js';
import { createDatabase } from '../storage/database.js';
import { createStripeControl, type StripeControl } from './stripe-control.js';
import { startTestCluster } from './test-cluster.js';

/** An order table of your own, in place of the sample `public.shop_order`. */
export interface TestOrderTable {
  /** Makes it, and what else your flows write to. */
  readonly sql: string;
  /** How `tollgate activate` binds it: its options as names, `orderTable: 'public.booking'` and so on. */
  readonly bind: {
    readonly orderTable: string;
    readonly idColumn: string;
    readonly ownerColumn?: string;
    readonly amountColumn?: string;
    readonly amountUnit?: 'minor' | 'major';
    readonly currencyColumn?: string;
    readonly currency?: string;
  };
}

/** What a test may have of its own. */
export interface TestOptions {
  /** The folder of the flows and effects; `flows` below the folder where the test runs unless told. */
  readonly flows?: string;
  readonly orderTable?: TestOrderTable;
  /** Further variables of the environment, such as `TOLLGATE_LIMIT_…`. That of the process is not read. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Who asks: an account, with roles in its token. */
export interface TestCaller {
  readonly account?: string;
  readonly roles?: readonly string[];
}

/** A payment as the API gives it. Amounts are minor units. */
export interface TestPayment {
  readonly id: string;
  readonly orderId: string;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
  readonly amountReceived: number;
  readonly amountRefunded: number;
  readonly failureCode: string | null;
  readonly stripePaymentIntentId: string | null;
}

/** A refund as the API gives it. */
export interface TestRefund {
  readonly id: string;
  readonly status: string;
  readonly amount: number;
}

/** A recurring payment as the API gives it. */
export interface TestRecurringPayment {
  readonly id: string;
  readonly orderId: string;
  readonly status: string;
  readonly stripeSubscriptionId: string;
}

/** What is paid; what the order table does not say must be told. */
export interface TestCharge {
  /** A test payment method of Stripe's; `pm_card_visa` unless told. */
  readonly card?: string;
  readonly amount?: number;
  readonly currency?: string;
  readonly account?: string;
}

/** A whole Tollgate for one test file: a database, a local Stripe with its own clock, a server with your flows. */
export interface TestTollgate {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly databaseUrl: string;
  /** Runs one statement on the database and gives its rows. */
  sql<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** An order of the sample table, of 100.00 USD for the account `customer` unless told; its id. */
  order(order?: { account?: string; amount?: number; currency?: string; description?: string }): Promise<string>;
  /** The row of an order in the bound table. */
  readOrder<Row extends object = Record<string, unknown>>(orderId: string): Promise<Row>;
  /** Pays for an order as its owner, and waits until the payment is SUCCESSFUL and its flow has run. */
  pay(orderId: string, charge?: TestCharge): Promise<TestPayment>;
  /** Pays with a card that is declined, and waits until the payment is FAILED. */
  decline(orderId: string, charge?: TestCharge): Promise<TestPayment>;
  /** Refunds a payment, all that is left of it unless told, and waits for the end of the refund. */
  refund(payment: { readonly id: string }, amount?: number): Promise<TestRefund>;
  /** Starts a recurring payment of the order's amount each month, and waits until it is ACTIVE. */
  subscribe(orderId: string, charge?: TestCharge): Promise<TestRecurringPayment>;
  /** Moves Stripe's clock beyond the end of the month: what renews then is charged, and its flows have run. */
  renewMonth(): Promise<void>;
  /** Moves Stripe's clock; resolves when all that was due has happened and been delivered. */
  advance(seconds: number): Promise<void>;
  /** Has the payment disputed at Stripe; resolves when it was told. */
  dispute(payment: { readonly stripePaymentIntentId: string | null }): Promise<void>;
  payment(id: string): Promise<TestPayment>;
  /** Waits until the order's row has this status; for a table with a column `status`. */
  waitForStatus(orderId: string, status: string): Promise<void>;
  /** Reads again and again until it holds, ten seconds at most; for effects, which run after the change. */
  until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T>;
  /** Sends a GraphQL operation and gives its data; an error is thrown with its code. As an administrator unless told. */
  ask<Data = Record<string, unknown>>(query: string, variables?: object, as?: TestCaller): Promise<Data>;
  /** Stops everything and removes the database. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 20;
/** As long as the longest month, and the hours after which an invoice is charged. */
const MONTH_SECONDS = 31 * 86_400 + 2 * 3_600;
const PAYMENT = 'id orderId status amount currency amountReceived amountRefunded failureCode stripePaymentIntentId';
const RECURRING = 'id orderId status stripeSubscriptionId';
const ADMIN = { account: 'test-admin', roles: ['admin'] };

const until = async <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> => {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`It did not come so within ${PATIENCE_MS / 1000} s. At last: ${JSON.stringify(value)}`);
    await delay(LOOK_EVERY_MS);
  }
};

/** Makes the order table and binds it. */
const prepareOrders = async (url: string, table: TestOrderTable | undefined): Promise<void> => {
  const database = createDatabase({ url, poolSize: 2 });
  try {
    if (table === undefined) await prepareSample(url);
    else await database.query({ text: table.sql });
    const activation = createActivation({ database, orders: createOrders(database) });
    await activation.activate(table?.bind ?? SAMPLE_ORDERS);
    await setFirstPlan(database, 'PRO', 'test');
  } finally {
    await database.close();
  }
};

/** The columns of the bound table that a charge is read from. */
const chargeOf = async (pool: pg.Pool, bind: TestOrderTable['bind'], orderId: string) => {
  const { orderTable, idColumn, ownerColumn, amountColumn, amountUnit, currencyColumn } = bind;
  const quoted = (column: string | undefined): string =>
    column === undefined ? 'null' : `${pg.escapeIdentifier(column)}::text`;
  const { rows } = await pool.query<{ account: string | null; amount: string | null; currency: string | null }>(
    `select ${quoted(ownerColumn)} as account, ${quoted(amountColumn)} as amount, ${quoted(currencyColumn)} as currency
       from ${orderTable} where ${quoted(idColumn)} = $1`,
    [orderId],
  );
  const [row] = rows;
  if (!row) throw new Error(`There is no order ${orderId} in ${orderTable}.`);
  const currency = (row.currency ?? bind.currency)?.toUpperCase();
  const decimals = amountUnit === 'major' && currency !== undefined ? findCurrency(currency).decimals : 0;
  return {
    account: row.account ?? 'customer',
    amount: row.amount === null ? undefined : Math.round(Number(row.amount) * 10 ** decimals),
    currency,
  };
};

type TestOrder = NonNullable<Parameters<TestTollgate['order']>[0]>;

/** What runs for a test file. */
interface Running {
  readonly pool: pg.Pool;
  readonly sandbox: Sandbox;
  readonly stripe: StripeControl;
  readonly tollgate: Tollgate;
  readonly jwtSecret: string;
  readonly bind: TestOrderTable['bind'];
}

/** Starts all of it; what is to be stopped goes to `stops`, also when a later part fails. */
const startParts = async (
  flows: Flows,
  { orderTable, environment }: TestOptions,
  stops: (() => Promise<unknown>)[],
): Promise<Running & { readonly databaseUrl: string }> => {
  const { startSandbox } = await import('../../sandbox/sandbox.js');
  const cluster = await startTestCluster();
  stops.push(() => cluster.close());
  await prepareOrders(cluster.url, orderTable);
  const pool = new pg.Pool({ connectionString: cluster.url, max: 4 });
  // What a connection says while its database goes away is nobody's fault.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  stops.push(() => pool.end());
  const [webhookSecret] = SANDBOX_KEYS.webhookSecrets;
  const sandbox = await startSandbox({ port: 0, webhookSecret });
  stops.push(() => sandbox.close());
  const jwtSecret = randomBytes(48).toString('base64url');
  const config = readConfig({
    DATABASE_URL: cluster.url,
    PORT: '0',
    STRIPE_API_BASE: sandbox.url,
    STRIPE_SECRET_KEY: SANDBOX_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SANDBOX_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    JWT_SECRET: jwtSecret,
    JWT_TRUST_ROLES: 'true',
    TOLLGATE_DATA_DIR: path.join(os.tmpdir(), 'tollgate-testing-none'),
    LOG_LEVEL: 'error',
    ...environment,
  });
  const log = pino({ level: config.log.level }, pino.destination(2));
  const tollgate = await startTollgate(config, { log, flows });
  stops.push(() => tollgate.stop());
  sandbox.setWebhookUrl(`${tollgate.url}/webhooks/stripe`);
  const stripe = createStripeControl(sandbox.url);
  const bind = orderTable?.bind ?? SAMPLE_ORDERS;
  return { pool, sandbox, stripe, tollgate, jwtSecret, bind, databaseUrl: cluster.url };
};

interface Operation {
  readonly query: string;
  readonly variables?: object | undefined;
}

const askAs = async <Data>(
  { tollgate, jwtSecret }: Running,
  { query, variables = {} }: Operation,
  { account = 'customer', roles = [] }: TestCaller = ADMIN,
): Promise<Data> => {
  const token = await signToken(jwtSecret, { accountId: account, roles, expiresInSeconds: 3_600 });
  const response = await fetch(`${tollgate.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as {
    data?: Data;
    errors?: { message: string; extensions?: { code?: string } }[];
  };
  const [error] = errors ?? [];
  if (error) throw Object.assign(new Error(error.message), { code: error.extensions?.code });
  return data as Data;
};

const readPayment = async (running: Running, id: string): Promise<TestPayment> => {
  const query = `query ($id: ID!) { payment(id: $id) { ${PAYMENT} } }`;
  return (await askAs<{ payment: TestPayment }>(running, { query, variables: { id } })).payment;
};

const insertOrder = async (
  pool: pg.Pool,
  { account = 'customer', amount = 10_000, currency = 'USD', description }: TestOrder,
): Promise<string> => {
  const { rows } = await pool.query<{ id: string }>(
    `insert into public.shop_order (account_id, amount, currency, description) values ($1, $2, $3, $4)
       returning id::text`,
    [account, amount, currency, description ?? null],
  );
  return rows[0]?.id ?? '';
};

const readOrder = async <Row extends object>({ pool, bind }: Running, orderId: string): Promise<Row> => {
  const key = `${pg.escapeIdentifier(bind.idColumn)}::text`;
  const { rows } = await pool.query<Row>(`select * from ${bind.orderTable} where ${key} = $1`, [orderId]);
  if (!rows[0]) throw new Error(`There is no order ${orderId} in ${bind.orderTable}.`);
  return rows[0];
};

/** Pays with the card and waits for a status that the payment can only leave by another payment. */
const payWith = async (
  running: Running,
  { card, ends }: { readonly card: string; readonly ends: readonly string[] },
  { orderId, charge }: { readonly orderId: string; readonly charge: TestCharge },
): Promise<TestPayment> => {
  const { pool, bind, stripe, sandbox } = running;
  const { account, ...due } = await chargeOf(pool, bind, orderId);
  const input = { orderId, amount: charge.amount ?? due.amount, currency: charge.currency ?? due.currency };
  const query = `mutation ($input: PayInput!) { pay(input: $input) { payment { ${PAYMENT} } } }`;
  const { pay } = await askAs<{ pay: { payment: TestPayment } }>(
    running,
    { query, variables: { input } },
    { account: charge.account ?? account },
  );
  await stripe.confirm(pay.payment.stripePaymentIntentId, card);
  await sandbox.settled();
  return until(
    () => readPayment(running, pay.payment.id),
    ({ status }) => ends.includes(status),
  );
};

const refund = async (running: Running, id: string, amount: number | undefined): Promise<TestRefund> => {
  const { amountReceived, amountRefunded } = await readPayment(running, id);
  const input = { paymentId: id, refundAmount: amount ?? amountReceived - amountRefunded };
  const { refund: begun } = await askAs<{ refund: { refund: TestRefund } }>(running, {
    query: 'mutation ($input: RefundInput!) { refund(input: $input) { refund { id status amount } } }',
    variables: { input },
  });
  await running.sandbox.settled();
  const query = 'query ($id: ID!) { refund(id: $id) { id status amount } }';
  const variables = { id: begun.refund.id };
  const ended = ['REFUNDED', 'FAILED', 'CANCELED'];
  return until(
    async () => (await askAs<{ refund: TestRefund }>(running, { query, variables })).refund,
    ({ status }) => ended.includes(status),
  );
};

const subscribe = async (running: Running, orderId: string, charge: TestCharge): Promise<TestRecurringPayment> => {
  const { pool, bind, stripe, sandbox } = running;
  const { account, ...due } = await chargeOf(pool, bind, orderId);
  const priceId = await stripe.monthlyPrice(charge.amount ?? due.amount, charge.currency ?? due.currency);
  const { initiateRecurringPayment: started } = await askAs<{
    initiateRecurringPayment: { recurringPayment: TestRecurringPayment; clientSecret: string | null };
  }>(
    running,
    {
      query: `mutation ($input: InitiateRecurringPaymentInput!) {
        initiateRecurringPayment(input: $input) { recurringPayment { ${RECURRING} } clientSecret } }`,
      variables: { input: { orderId, priceId } },
    },
    { account: charge.account ?? account },
  );
  await stripe.confirm(started.clientSecret?.split('_secret_')[0] ?? null, charge.card ?? 'pm_card_visa');
  await sandbox.settled();
  const query = `query ($id: ID!) { recurringPayment(id: $id) { ${RECURRING} } }`;
  const variables = { id: started.recurringPayment.id };
  return until(
    async () =>
      (await askAs<{ recurringPayment: TestRecurringPayment }>(running, { query, variables })).recurringPayment,
    ({ status }) => status === 'ACTIVE',
  );
};

/**
 * Starts a Tollgate for a test file, with the project's own flows: in `before` or `beforeAll`; `stop` it in `after` or
 * `afterAll`. Nothing of it is shared with another, and nothing is left.
 *
 * @throws FlowLoadError naming the file of a flow that can't be used
 */
export const startTestTollgate = async (options: TestOptions = {}): Promise<TestTollgate> => {
  const flows = await loadFlows(path.resolve(options.flows ?? 'flows'));
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  const { databaseUrl, ...running } = await startParts(flows, options, stops).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const { pool, sandbox, stripe, tollgate } = running;
  const advance = async (seconds: number): Promise<void> => {
    await stripe.advance(seconds);
    await sandbox.settled();
  };
  return {
    url: tollgate.url,
    sandboxUrl: sandbox.url,
    databaseUrl,
    sql: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(text, [...values])).rows,
    order: (order = {}) => insertOrder(pool, order),
    readOrder: (orderId) => readOrder(running, orderId),
    pay: (orderId, charge = {}) =>
      payWith(
        running,
        { card: charge.card ?? 'pm_card_visa', ends: ['SUCCESSFUL', 'QUARANTINED'] },
        { orderId, charge },
      ),
    decline: (orderId, charge = {}) =>
      payWith(running, { card: charge.card ?? 'pm_card_visa_chargeDeclined', ends: ['FAILED'] }, { orderId, charge }),
    refund: ({ id }, amount) => refund(running, id, amount),
    subscribe: (orderId, charge = {}) => subscribe(running, orderId, charge),
    renewMonth: () => advance(MONTH_SECONDS),
    advance,
    async dispute({ stripePaymentIntentId }) {
      await stripe.dispute(stripePaymentIntentId);
      await sandbox.settled();
    },
    payment: (id) => readPayment(running, id),
    async waitForStatus(orderId, status) {
      await until(
        () => readOrder<{ status?: string }>(running, orderId),
        (row) => row.status === status,
      );
    },
    until,
    ask: (query, variables, as) => askAs(running, { query, variables }, as),
    stop,
  };
};
