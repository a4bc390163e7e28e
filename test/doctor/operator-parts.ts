import { randomBytes } from 'node:crypto';
import type { Check } from '../../src/doctor/checks.js';
import { createChecks } from '../../src/doctor/doctor.js';
import { createVault, type Vault } from '../../src/installation/encryption.js';
import { createPlans } from '../../src/installation/plan.js';
import { createSettings, readInstallation, type Settings } from '../../src/installation/settings.js';
import { createStripeConnection } from '../../src/installation/stripe-connection.js';
import { createKeyStore, type GivenKeys, type KeyStore } from '../../src/installation/stripe-keys.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../../src/installation/webhook-endpoint.js';
import { NOUNS } from '../../src/nouns.js';
import { createOrders } from '../../src/orders/orders.js';
import { createMemoryPubSub } from '../../src/outbox/memory.js';
import { entitiesOf } from '../../src/parts/entities.js';
import { eventTypesOf, openInOf } from '../../src/parts/nouns.js';
import { redisParts } from '../../src/parts/redis.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { connectStripe, type StripeGateway } from '../../src/stripe/gateway.js';
import { createMarks } from '../../src/stripe/marks.js';
import type { TestBed } from '../harness/tollgate.js';

/** The operator's parts of one process, on a bed's database and sandbox. */
export interface OperatorParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly keys: KeyStore;
  readonly endpoints: WebhookEndpoints;
  readonly settings: Settings;
  readonly checks: readonly Check[];
  close(): Promise<void>;
}

/** What a process may have of its own. */
export interface OperatorOptions {
  readonly publicUrl?: string | undefined;
  readonly environment?: Partial<GivenKeys>;
  readonly encryption?: { readonly key: string | undefined; readonly next: string | undefined };
  readonly eventTypes?: readonly string[];
  /** Changes the calls to Stripe: the only way to die between an answer and its storing. */
  readonly tamper?: (gateway: StripeGateway) => StripeGateway;
  readonly loadFlows?: () => Promise<unknown>;
  readonly redisUrl?: string;
  readonly takesLiveKeys?: boolean;
  readonly tokenMaxAgeSeconds?: number | undefined;
}

export const newKey = (): string => randomBytes(32).toString('base64');

const SHARED_KEY = newKey();

/** Builds the parts as the server and the commands build them; without keys in the environment. */
export const openOperator = async (bed: TestBed, options: OperatorOptions = {}): Promise<OperatorParts> => {
  const { publicUrl, tamper = (gateway) => gateway, eventTypes = eventTypesOf(NOUNS) } = options;
  const database = createDatabase({ url: bed.database.url, poolSize: 3 });
  const installation = await readInstallation(database);
  const vault = createVault(options.encryption ?? { key: SHARED_KEY, next: undefined });
  const environment = { secretKey: undefined, publishableKey: undefined, webhookSecrets: [], ...options.environment };
  const keys = createKeyStore({ database, vault, environment });
  const connect = (secretKey: string): StripeGateway => tamper(connectStripe({ secretKey, apiBase: bed.sandbox.url }));
  const orders = createOrders(database);
  const plans = createPlans({ database });
  const changed = async (): Promise<void> => keys.forget();
  const shared = { database, databaseUrl: bed.database.url, vault, keys, connect, publicUrl, eventTypes };
  const endpoints = createWebhookEndpoints({
    ...shared,
    connection: createStripeConnection({ database, keys: () => keys.read(), connect }),
    marks: createMarks(installation),
    changed,
  });
  const registersEndpoint = publicUrl !== undefined;
  const takesLiveKeys = options.takesLiveKeys ?? true;
  const settings = createSettings({
    ...shared,
    environment,
    endpoints,
    openIn: openInOf(NOUNS),
    registersEndpoint,
    takesLiveKeys,
    plans,
    orders,
    changed,
  });
  const checks = createChecks({
    ...shared,
    entities: entitiesOf(NOUNS),
    endpoints,
    plans,
    orders,
    flowFiles: undefined,
    isCompatibleServer: true,
    tokens: { isDemo: false, maxAgeSeconds: options.tokenMaxAgeSeconds },
    redis:
      options.redisUrl === undefined
        ? undefined
        : redisParts({ url: options.redisUrl }, async () => createMemoryPubSub()),
    loadFlows: options.loadFlows ?? (async () => undefined),
  });
  return { database, vault, keys, endpoints, settings, checks, close: () => database.close() };
};

/** Keys of the sandbox's account. */
export const TEST_KEYS = { publishableKey: 'pk_test_sandbox', secretKey: 'sk_test_sandbox' };
