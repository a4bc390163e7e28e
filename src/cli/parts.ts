import { pino } from 'pino';
import { SANDBOX_KEYS } from '../embedded-run.js';
import { flowSources, loadFlows } from '../flow-loader.js';
import type { Check } from '../payments/checks.js';
import { createChecks } from '../payments/doctor.js';
import { createVault, type Vault } from '../payments/encryption.js';
import { createFlowFiles } from '../payments/flow-files.js';
import { createOrders, type Orders } from '../payments/orders.js';
import { createPlans, type Plans } from '../payments/plan.js';
import { createSettings, readInstallation, type Settings } from '../payments/settings.js';
import { createStripeConnection } from '../payments/stripe-connection.js';
import { createKeyStore } from '../payments/stripe-keys.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../payments/webhook-endpoint.js';
import type { PubSub } from '../pubsub/pubsub.js';
import { createRedisPubSub } from '../pubsub/redis.js';
import { measureRoundTrip } from '../pubsub/round-trip.js';
import { scopePubSub } from '../pubsub/scope.js';
import { topics } from '../pubsub/topics.js';
import { connectStripe, type StripeGateway } from '../stripe/gateway.js';
import { WEBHOOK_EVENT_TYPES } from '../webhooks/event-types.js';
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

/** A link to Redis, made when it is needed and closed at the end. */
const createLink = ({ config }: Workspace, installation: string) => {
  let link: Promise<PubSub> | undefined;
  const log = pino({ level: 'silent' });
  return {
    get: async (url: string): Promise<PubSub> => {
      link ??= createRedisPubSub({ url, log }).then((pubsub) => scopePubSub(pubsub, installation));
      return link;
    },
    url: config.redisUrl,
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
    const installationId = await readInstallation(database).catch(() => {
      throw new UsageError('The database has no tables of Tollgate yet. Run "npx tollgate migrate" first.');
    });
    const link = createLink(workspace, installationId);
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
        .then((pubsub) => pubsub.publish(topics.settings(), '{}'))
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
      installation: () => installationId,
      publicUrl: config.publicUrl,
      eventTypes: WEBHOOK_EVENT_TYPES,
      changed,
    });
    const settings = createSettings({
      database,
      vault,
      keys,
      environment,
      connect,
      endpoints,
      registersEndpoint: config.publicUrl !== undefined,
      takesLiveKeys: !config.embedded || config.sandbox,
      plans,
      orders,
      changed,
    });
    const checks = createChecks({
      database,
      databaseUrl: config.databaseUrl,
      vault,
      keys,
      connect,
      endpoints,
      eventTypes: WEBHOOK_EVENT_TYPES,
      publicUrl: config.publicUrl,
      tokens: { isDemo: config.embedded, maxAgeSeconds: config.jwt.maxAgeSeconds },
      isCompatibleServer: workspace.apiBase !== undefined,
      plans,
      orders,
      flowFiles: createFlowFiles(flowSources()),
      roundTrip: url === undefined ? undefined : async () => measureRoundTrip(await link.get(url)),
      loadFlows,
    }).filter(({ reach }) => workspace.reachesStripe || reach !== 'outside');
    try {
      return await work({ ...workspace, orders, plans, vault, endpoints, settings, checks, changed });
    } finally {
      await link.close();
    }
  });
