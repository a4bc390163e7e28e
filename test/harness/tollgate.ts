import os from 'node:os';
import path from 'node:path';
import { createClient } from 'graphql-ws';
import pg from 'pg';
import { pino } from 'pino';
import Stripe from 'stripe';
import WebSocket from 'ws';
import { disputeCallback } from '../../flows/dispute-callback.js';
import { paymentCallback } from '../../flows/payment-callback.js';
import { recurringCharge } from '../../flows/recurring-charge.js';
import { recurringPaymentCallback } from '../../flows/recurring-payment-callback.js';
import { refundCallback } from '../../flows/refund-callback.js';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.js';
import { type Config, readConfig } from '../../src/config.js';
import type { ProblemTiming } from '../../src/doctor/problem-watch.js';
import { SAMPLE_ORDERS, SAMPLE_TABLES } from '../../src/embedded/embedded-run.js';
import type { EffectTiming } from '../../src/flows/effect-runner.js';
import type { Flows } from '../../src/flows/flows.js';
import { signToken } from '../../src/graphql/token.js';
import type { InboxLimits } from '../../src/inbox/inbox.js';
import { type Plan, setFirstPlan } from '../../src/installation/plan.js';
import { startTollgate } from '../../src/main.js';
import type { Noun } from '../../src/nouns/noun.js';
import type { RefundTiming } from '../../src/nouns/refunds/make.js';
import { type ActivationRequest, createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase } from '../../src/storage/database.js';
import { assertContract } from './contract.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

const JWT_SECRET = 'a secret for tests alone, long enough for HS256';

/** A GraphQL answer. */
export interface Result {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/** A stream of one subscription, read one message at a time. */
export interface Watch {
  /** The next message; rejects after `timeoutMs` (30 s), or with the error that ended the stream. */
  next(timeoutMs?: number): Promise<Record<string, unknown>>;
  /** Reads until the predicate holds and gives all messages read. */
  until(holds: (row: Record<string, unknown>) => boolean, timeoutMs?: number): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** A whole product for a test: database, sandbox, servers. */
export interface TestBed {
  readonly database: TestDatabase;
  readonly sql: pg.Pool;
  readonly sandbox: Sandbox;
  /** Stripe's own client, as an operator with the dashboard. */
  readonly stripe: Stripe;
  /** What a server of this bed is started with; for one in a process of its own. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ways to talk to a server that runs already. */
  attach(url: string, stop: () => Promise<void>): Server;
  /** Starts (another) server on the same database and sandbox; the newest gets the sandbox's deliveries. */
  start(options?: StartOptions): Promise<Server>;
  /** An order of the sample table. */
  createOrder(order?: { account?: string; amount?: number; currency?: string }): Promise<string>;
  orderStatus(id: string): Promise<string>;
  close(): Promise<void>;
}

/** What a test's server may have of its own. */
export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly flows?: Partial<Flows>;
  /** Where `activatePayments` writes the flows' files; nowhere unless told. */
  readonly flowFolder?: string;
  /** The product's unless told. */
  readonly nouns?: readonly Noun[];
  readonly refundTiming?: RefundTiming;
  readonly inboxLimits?: InboxLimits;
  readonly effectTiming?: EffectTiming;
  readonly problemTiming?: ProblemTiming;
}

/** A running server and ways to talk to it. */
export interface Server {
  readonly url: string;
  readonly config: Config;
  /** Sends one operation as an account (undefined: nobody). */
  request(query: string, variables?: Record<string, unknown>, as?: As): Promise<Result>;
  /** Subscribes over a WebSocket of its own. */
  watch(query: string, variables?: Record<string, unknown>, as?: As): Watch;
  stop(): Promise<void>;
}

/** Who sends it: an account, with roles in its token. `null`: no token. */
export interface As {
  readonly account: string | null;
  readonly roles?: readonly string[];
  /** A token of another kind, in the place of one that is made. */
  readonly token?: string;
}

const CUSTOMER: As = { account: 'customer' };

/** A token of the test's secret. */
export const tokenFor = (account: string, roles: readonly string[] = [], expiresInSeconds = 3600): Promise<string> =>
  signToken(JWT_SECRET, { accountId: account, roles, expiresInSeconds });

const authorizationOf = async ({ account, roles, token }: As): Promise<string | undefined> =>
  account === null ? undefined : `Bearer ${token ?? (await tokenFor(account, roles))}`;

/** Binds an order table of a test's database, and sets the plan where one is given. */
export const activate = async (databaseUrl: string, request: ActivationRequest, plan?: Plan): Promise<void> => {
  const database = createDatabase({ url: databaseUrl, poolSize: 2 });
  try {
    await createActivation({ database, orders: createOrders(database) }).activate(request);
    if (plan !== undefined) await setFirstPlan(database, plan, 'test');
  } finally {
    await database.close();
  }
};

/** How servers reach a test's database: by way of the pooler of TEST_POOLER_URL where one stands before the cluster. */
const reach = (address: string): { DATABASE_URL: string; DATABASE_POOLER?: string } => {
  const pooler = process.env['TEST_POOLER_URL'];
  if (!pooler) return { DATABASE_URL: address };
  const url = new URL(pooler);
  url.pathname = new URL(address).pathname;
  return { DATABASE_URL: url.href, DATABASE_POOLER: 'transaction' };
};

/** What a bed may have of its own. */
export interface BedOptions {
  readonly sandboxPort?: number;
  /** What is bound; the sample table with all its columns unless told; null: nothing, and no plan is set. */
  readonly binding?: ActivationRequest | null;
  /** PRO unless told; null: none was ever set. */
  readonly plan?: Plan | null;
  /** SQL that runs before the binding, beside the sample table's. */
  readonly schema?: string;
  /** A migrated database of the test's own; one of the run's cluster unless told. */
  readonly database?: TestDatabase;
}

/** Opens a database with a bound order table, and a sandbox; `close` ends everything that the bed started. */
export const openTestBed = async ({
  sandboxPort = 0,
  binding,
  plan = 'PRO',
  schema,
  database: given,
}: BedOptions = {}): Promise<TestBed> => {
  const database = given ?? (await createTestDatabase());
  const sql = new pg.Pool({ connectionString: database.url, max: 4 });
  sql.on('error', () => undefined);
  await sql.query(SAMPLE_TABLES);
  if (schema !== undefined) await sql.query(schema);
  if (binding !== null) await activate(database.url, binding ?? SAMPLE_ORDERS, plan ?? undefined);
  const sandbox = await startSandbox({ port: sandboxPort, webhookSecret: 'whsec_sandbox' });
  const { hostname, port } = new URL(sandbox.url);
  const stripe = new Stripe('sk_test_sandbox', {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    telemetry: false,
  });
  const servers: Server[] = [];

  const ownEnvironment = {
    ...reach(database.url),
    PORT: '0',
    STRIPE_API_BASE: sandbox.url,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
    JWT_SECRET,
    JWT_TRUST_ROLES: 'true',
    TOLLGATE_DATA_DIR: path.join(os.tmpdir(), 'tollgate-test-unused'),
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    // Which way the guarantees are tested; the product's own unless told.
    ...(process.env['TEST_EVENT_BATCHES'] && { TOLLGATE_EVENT_BATCHES: process.env['TEST_EVENT_BATCHES'] }),
  };

  const start = async ({
    environment = {},
    flows = {},
    flowFolder,
    nouns,
    refundTiming,
    inboxLimits,
    effectTiming,
    problemTiming,
  }: StartOptions = {}): Promise<Server> => {
    const config = readConfig({ ...ownEnvironment, ...environment });
    const tollgate = await startTollgate(config, {
      log: pino({ level: config.log.level }),
      flows: {
        paymentRequest: { beforePay: () => undefined },
        paymentCallback,
        refundCallback,
        disputeCallback,
        recurringPaymentCallback,
        recurringCharge,
        effects: new Map(),
        ...flows,
      },
      ...(flowFolder !== undefined && { flowFolder }),
      ...(nouns && { nouns }),
      ...(refundTiming && { refundTiming }),
      ...(inboxLimits && { inboxLimits }),
      ...(effectTiming && { effectTiming }),
      ...(problemTiming && { problemTiming }),
    });
    sandbox.setWebhookUrl(`${tollgate.url}/webhooks/stripe`);
    const server = wrap(tollgate.url, config, () => tollgate.stop());
    servers.push(server);
    return server;
  };

  return {
    database,
    sql,
    sandbox,
    stripe,
    environment: ownEnvironment,
    start,
    attach: (url, stop) => wrap(url, readConfig(ownEnvironment), stop),
    async createOrder({ account = 'customer', amount = 10_000, currency = 'USD' } = {}) {
      const { rows } = await sql.query<{ id: string }>(
        'insert into public.shop_order (account_id, amount, currency) values ($1, $2, $3) returning id::text',
        [account, amount, currency],
      );
      return rows[0]?.id ?? '';
    },
    async orderStatus(id) {
      const { rows } = await sql.query<{ status: string }>('select status from public.shop_order where id = $1', [id]);
      return rows[0]?.status ?? 'gone';
    },
    async close() {
      for (const server of servers) await server.stop();
      try {
        await assertContract(sandbox.url);
      } finally {
        await sandbox.close();
        await sql.end();
        await database.drop();
      }
    },
  };
};

const wrap = (url: string, config: Config, stop: () => Promise<void>): Server => ({
  url,
  config,
  stop,
  async request(query, variables = {}, as = CUSTOMER) {
    const authorization = await authorizationOf(as);
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Result;
  },
  watch: (query, variables = {}, as = CUSTOMER) => {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: async () => ({ authorization: await authorizationOf(as) }),
    });
    const iterator = client.iterate<Record<string, Record<string, unknown>>>({ query, variables });
    const next = async (timeoutMs = 30_000): Promise<Record<string, unknown>> => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no message within ${timeoutMs} ms`)), timeoutMs);
      });
      const { value, done } = await Promise.race([iterator.next(), late]).finally(() => clearTimeout(timer));
      if (done) throw new Error('the stream ended');
      if (value.errors) throw Object.assign(new Error(value.errors[0]?.message), { errors: value.errors });
      return Object.values(value.data ?? {})[0] ?? {};
    };
    return {
      next,
      async until(holds, timeoutMs) {
        const seen = [await next(timeoutMs)];
        while (!holds(seen.at(-1) ?? {})) seen.push(await next(timeoutMs));
        return seen;
      },
      async stop() {
        await iterator.return?.();
        await client.dispose();
      },
    };
  },
});
