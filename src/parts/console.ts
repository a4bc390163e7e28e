import type { Config } from '../config.js';
import { createChecks } from '../doctor/doctor.js';
import { createProblems, type Problems } from '../doctor/problems.js';
import type { Flows } from '../flows/flows.js';
import { WEBHOOK_EVENT_TYPES } from '../inbox/event-types.js';
import { createRoleManagement, type RoleManagement } from '../installation/role-management.js';
import { createSettings, type Settings } from '../installation/settings.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../installation/webhook-endpoint.js';
import { type Activation, createActivation } from '../orders/activation.js';
import type { PubSub } from '../outbox/pubsub.js';
import type { OperatorParts } from './operator.js';
import { redisParts } from './redis.js';
import type { Storage } from './storage.js';

/** What an operator sees and does through GraphQL. */
export interface Console {
  readonly activation: Activation;
  readonly roleManagement: RoleManagement;
  readonly settings: Settings;
  readonly problems: Problems;
  readonly endpoints: WebhookEndpoints;
}

interface Needs {
  readonly config: Config;
  readonly environment: Config['stripe'];
  readonly storage: Storage;
  readonly operator: OperatorParts;
  readonly pubsub: PubSub;
  readonly flows: Flows;
}

/** Builds the operator's calls. */
export const createConsole = ({ config, environment, storage, operator, pubsub, flows }: Needs): Console => {
  const { database, databaseUrl, installation } = storage;
  const { orders, plans, vault, keys, flowFiles, connect, connection, settingsChanged: changed } = operator;
  const { publicUrl } = config;
  const eventTypes = WEBHOOK_EVENT_TYPES;
  const endpoints = createWebhookEndpoints({
    database,
    databaseUrl,
    vault,
    keys,
    connection,
    installation,
    publicUrl,
    eventTypes,
    changed,
  });
  const checks = createChecks({
    database,
    databaseUrl,
    vault,
    keys,
    connect,
    endpoints,
    eventTypes,
    publicUrl,
    tokens: { isDemo: config.embedded, maxAgeSeconds: config.jwt.maxAgeSeconds },
    isCompatibleServer: config.stripe.apiBase !== undefined,
    plans,
    orders,
    flowFiles,
    redis: config.redisUrl === undefined ? undefined : redisParts(config.redisUrl, async () => pubsub),
    // They were loaded before the start went on.
    loadFlows: async () => flows,
  });
  return {
    endpoints,
    activation: createActivation({ database, orders, flowFiles, changed }),
    roleManagement: createRoleManagement({ database, changed, keepsAdministrator: true }),
    problems: createProblems(checks),
    settings: createSettings({
      database,
      vault,
      keys,
      environment,
      connect,
      endpoints,
      registersEndpoint: publicUrl !== undefined,
      takesLiveKeys: !config.embedded || config.sandbox,
      plans,
      orders,
      changed,
    }),
  };
};
