import { pino } from 'pino';
import { readConfig } from '../src/config.js';
import type { Flows } from '../src/flows/flows.js';
import type { BatchMode } from '../src/inbox/event-batches.js';
import { startTollgate, type Tollgate } from '../src/main.js';
import type { Bug } from './bugs.js';
import type { CrashPoint } from './crash-points.js';
import { openDatabaseLink } from './database-link.js';
import type { Meeting } from './lab.js';
import { openStripeLink } from './stripe-link.js';

/** The secret of every token in the simulation. */
export const JWT_SECRET = 'a secret of the simulation alone, long enough for HS256';

/** Keeps what signs outgoing webhooks. */
const ENCRYPTION_KEY = Buffer.alloc(32, 'k').toString('base64');

/** One life of a server, from its start to its crash or stop. */
export interface ServerLife {
  readonly url: string;
  readonly operations: Tollgate['operations'];
  /** Aborted when it dies: whoever waits for an answer has lost it. */
  readonly died: AbortSignal;
  /** Resolves when it is not in the middle of a write at Stripe; at once when it has died. */
  quiet(): Promise<void>;
  /** Makes it die when it comes to the point. */
  arm(point: CrashPoint | undefined): void;
  /** Everything it is connected to is cut at once, as when its process is killed. */
  kill(): void;
  /** Stops it as a signal would. */
  stop(): Promise<void>;
}

/** What a life is started with. */
export interface ServerNeeds {
  readonly database: Meeting;
  readonly sandboxUrl: string;
  /** See `environmentOf`. */
  readonly publicUrl?: string;
  readonly flows: Flows;
  /** Which other system the flows' effects call. */
  readonly effectUrl: string;
  readonly bug: Bug | undefined;
  /** When events that arrive together share a transaction. */
  readonly batches: BatchMode;
  /** Whether this transaction is lost, where the bug loses some. */
  readonly losesCommit: () => boolean;
  readonly died: (where: CrashPoint | undefined) => void;
}

/** How long things wait here: as in production in their order, a hundred times shorter. Looking for work more often than this would be most of what a world does. */
export const TIMING = {
  refundTiming: { leaseMs: 1_500, readsApartMs: 250 },
  inboxLimits: { firstWaitSeconds: 0.03, longestWaitSeconds: 0.3, maximumAttempts: 60, leaseSeconds: 2 },
  jobsEveryMs: 250,
  effectTiming: { heartbeatMs: 300, silentMs: 1_500 },
  keyTiming: { keptMs: 300, careEveryMs: 500 },
} as const;
const STRIPE_TIMEOUT_MS = '500';
/** Statements of transactions in which money moves. */
const MONEY_MOVES = ['payment_write_version', 'refund_write_version', 'recurring_write_version'];

/** Keys as a developer sets them. */
const GIVEN_KEYS = {
  STRIPE_SECRET_KEY: 'sk_test_sandbox',
  STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
  STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
};

/** The environment of a server here: with a public address its keys are those that an operator stores, and its webhook endpoint is its own to look after. */
export const environmentOf = (
  { url, redis }: Meeting,
  stripeUrl: string,
  batches: BatchMode,
  publicUrl?: string,
): Record<string, string> => ({
  TOLLGATE_EVENT_BATCHES: batches,
  DATABASE_URL: url,
  ...(redis && { REDIS_URL: redis.url, REDIS_KEY_PREFIX: redis.prefix }),
  PORT: '0',
  REDIRECT_ORIGINS: 'https://shop.example',
  STRIPE_API_BASE: stripeUrl,
  ...(publicUrl === undefined ? GIVEN_KEYS : { PUBLIC_URL: publicUrl }),
  TOLLGATE_STRIPE_TIMEOUT_MS: STRIPE_TIMEOUT_MS,
  TOLLGATE_RECONCILE_MINUTES: '0',
  TOLLGATE_ENCRYPTION_KEY: ENCRYPTION_KEY,
  TOLLGATE_OUTGOING_HOSTS: '127.0.0.1',
  JWT_SECRET,
  JWT_TRUST_ROLES: 'true',
  LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
});

/** Starts a life of a server. */
export type StartServer = (needs: ServerNeeds) => Promise<ServerLife>;

/** Starts a server that can die at a named point. Rejects when it dies on the way. */
export const startServer: StartServer = async (needs) => {
  const { sandboxUrl, flows, bug } = needs;
  const death = new AbortController();
  let point: CrashPoint | undefined;
  let stopping: Promise<void> | undefined;
  let tollgate: Tollgate | undefined;
  const end = (where: CrashPoint | undefined): void => {
    if (death.signal.aborted) return;
    death.abort();
    database.cut();
    stripe.cut();
    needs.died(where);
    void stop();
  };
  const die = (): void => end(point);
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await tollgate?.stop().catch(() => undefined);
      await Promise.all([database.close(), stripe.close()]);
    })();
    return stopping;
  };
  const armed = (): CrashPoint | undefined => point;
  const database = await openDatabaseLink({
    url: new URL(needs.database.url),
    armed,
    die,
    ...(bug?.rewrite && { rewrite: bug.rewrite }),
    ...(bug?.losesCommits && {
      losesCommit: (statements) => MONEY_MOVES.some((name) => statements.has(name)) && needs.losesCommit(),
    }),
  });
  const stripe = await openStripeLink({ url: new URL(sandboxUrl), armed, die, bug: bug?.stripe });
  const address = new URL(needs.database.url);
  address.port = String(database.port);
  const config = readConfig(
    environmentOf(
      { ...needs.database, url: address.href },
      `http://127.0.0.1:${stripe.port}`,
      needs.batches,
      needs.publicUrl,
    ),
  );
  try {
    tollgate = await startTollgate(config, { log: pino({ level: config.log.level }), flows, ...TIMING });
    if (death.signal.aborted) throw new Error('it died while it started');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: tollgate.url,
    operations: tollgate.operations,
    died: death.signal,
    quiet: stripe.quiet,
    arm: (next) => {
      point = next;
    },
    kill: () => end(undefined),
    stop,
  };
};
