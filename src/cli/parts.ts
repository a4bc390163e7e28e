import { pino } from 'pino';
import type { Config } from '../config.js';
import type { Check } from '../doctor/checks.js';
import { createChecks, independentChecks } from '../doctor/doctor.js';
import { SANDBOX_KEYS } from '../embedded/embedded-run.js';
import { createFlowFiles } from '../flows/flow-files.js';
import { loadFlows } from '../flows/flow-loader.js';
import { createVault, type Vault } from '../installation/encryption.js';
import { createPlans, type Plans } from '../installation/plan.js';
import { createSettings, readInstallation, type Settings } from '../installation/settings.js';
import { createStripeConnection } from '../installation/stripe-connection.js';
import { createKeyStore } from '../installation/stripe-keys.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../installation/webhook-endpoint.js';
import { NOUNS } from '../nouns.js';
import { createOrders, type Orders } from '../orders/orders.js';
import type { PubSub } from '../outbox/pubsub.js';
import { createRedisPubSub } from '../outbox/redis.js';
import { scopePubSub } from '../outbox/scope.js';
import { SETTINGS_TOPIC } from '../outbox/topics.js';
import { entitiesOf } from '../parts/entities.js';
import { eventTypesOf, openInOf } from '../parts/nouns.js';
import { redisParts } from '../parts/redis.js';
import { isMigrated } from '../parts/storage.js';
import { connectStripe, type StripeGateway } from '../stripe/gateway.js';
import { createMarks } from '../stripe/marks.js';
import { UsageError } from './output.js';
import { type Workspace, withWorkspace } from './workspace.js';

/** The parts of the domain that commands call, built as the server builds them. */
export interface Parts extends Workspace {
  readonly orders: Orders;
  readonly plans: Plans;
  readonly vault: Vault;
  readonly endpoints: WebhookEndpoints;
  readonly settings: Settings;
  /** The doctor's checks; without those that ask Stripe where only a running server brings one. */
  readonly checks: readonly Check[];
  /** Tells running servers that settings changed; without Redis they see it within seconds. */
  readonly changed: () => Promise<void>;
}

/** Nothing was ever migrated here. */
export class NoTablesError extends UsageError {
  constructor() {
    super('The database has no tables of Tollgate yet. Run "npx tollgate migrate" first.');
  }
}

/** A link to Redis, made when it is needed and closed at the end. */
const createLink = ({ redisUrl }: Pick<Config, 'redisUrl'>, installation: string) => {
  let link: Promise<PubSub> | undefined;
  const log = pino({ level: 'silent' });
  return {
    get: async (url: string): Promise<PubSub> => {
      link ??= createRedisPubSub({ url, log }).then((pubsub) => scopePubSub(pubsub, installation));
      return link;
    },
    url: redisUrl,
    close: async (): Promise<void> => (await link)?.close(),
  };
};

const connectorOf =
  ({ config, apiBase }: Workspace) =>
  (key: string): StripeGateway =>
    connectStripe({
      secretKey: key,
      timeoutMs: config.stripe.timeoutMs,
      ...(apiBase !== undefined && { apiBase }),
    });

/** Opens the workspace and builds the parts over it; `work` must be done with them when it resolves. */
export const withParts = <T>(work: (parts: Parts) => Promise<T>): Promise<T> =>
  withWorkspace(async (workspace) => {
    const { config, database } = workspace;
    if (!(await isMigrated(database))) throw new NoTablesError();
    const installationId = await readInstallation(database);
    const link = createLink(config, installationId);
    const { url } = link;
    const orders = createOrders(database);
    const vault = createVault(config.encryption);
    const environment = config.stripe;
    const sandbox = config.sandbox ? SANDBOX_KEYS : undefined;
    const keys = createKeyStore({ database, vault, environment, sandbox });
    const changed = async (): Promise<void> => {
      keys.forget();
      plans.forget();
      if (url === undefined) return;
      await link
        .get(url)
        .then((pubsub) => pubsub.publish(SETTINGS_TOPIC, '{}'))
        .catch(() => process.stderr.write('Redis did not answer; running servers see the change within seconds.\n'));
    };
    const plans = createPlans({ database, changed });
    const connect = connectorOf(workspace);
    const endpoints = createWebhookEndpoints({
      database,
      databaseUrl: config.databaseUrl,
      vault,
      keys,
      connection: createStripeConnection({ database, keys: () => keys.read(), connect }),
      marks: createMarks(installationId),
      publicUrl: config.publicUrl,
      eventTypes: eventTypesOf(NOUNS),
      changed,
    });
    const settings = createSettings({
      database,
      vault,
      keys,
      environment,
      connect,
      endpoints,
      openIn: openInOf(NOUNS),
      registersEndpoint: config.publicUrl !== undefined,
      takesLiveKeys: !config.embedded || config.sandbox,
      plans,
      orders,
      changed,
    });
    const checks = createChecks({
      database,
      entities: entitiesOf(NOUNS),
      databaseUrl: config.databaseUrl,
      vault,
      keys,
      connect,
      endpoints,
      eventTypes: eventTypesOf(NOUNS),
      publicUrl: config.publicUrl,
      tokens: { isDemo: config.embedded, maxAgeSeconds: config.jwt.maxAgeSeconds },
      isCompatibleServer: workspace.apiBase !== undefined,
      plans,
      orders,
      flowFiles: createFlowFiles(config.flowFolder),
      redis: url === undefined ? undefined : redisParts(url, () => link.get(url)),
      loadFlows: () => loadFlows(config.flowFolder),
    }).filter(({ reach }) => workspace.reachesStripe || reach !== 'outside');
    try {
      return await work({ ...workspace, orders, plans, vault, endpoints, settings, checks, changed });
    } finally {
      await link.close();
    }
  });

/** The checks that ask no database, for where it can't be asked; `work` must be done with them when it resolves. */
export const withIndependentChecks = async <T>(
  config: Config,
  work: (checks: readonly Check[]) => Promise<T>,
): Promise<T> => {
  const link = createLink(config, 'doctor');
  const { url } = link;
  try {
    return await work(
      independentChecks({
        redis: url === undefined ? undefined : redisParts(url, () => link.get(url)),
        loadFlows: () => loadFlows(config.flowFolder),
        tokens: { isDemo: config.embedded, maxAgeSeconds: config.jwt.maxAgeSeconds },
      }),
    );
  } finally {
    await link.close();
  }
};
