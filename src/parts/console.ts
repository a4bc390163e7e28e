import type { Config } from '../config.js';
import { createChecks } from '../doctor/doctor.js';
import { createProblems } from '../doctor/problems.js';
import type { Flows } from '../flows/flows.js';
import type { Problems } from '../installation/problems.js';
import { createRoleManagement, type RoleManagement } from '../installation/role-management.js';
import { createSettings, type Settings } from '../installation/settings.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../installation/webhook-endpoint.js';
import type { Noun } from '../nouns/noun.js';
import { type Activation, createActivation } from '../orders/activation.js';
import type { PubSub } from '../outbox/pubsub.js';
import { entitiesOf } from './entities.js';
import { eventTypesOf, openInOf } from './nouns.js';
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
  readonly nouns: readonly Noun[];
}

/** Builds the operator's calls. */
export const createConsole = ({ config, environment, storage, operator, pubsub, flows, nouns }: Needs): Console => {
  const { database, databaseUrl, marks } = storage;
  const { orders, plans, vault, keys, flowFiles, connect, connection, settingsChanged: changed } = operator;
  const { publicUrl } = config;
  const eventTypes = eventTypesOf(nouns);
  const endpoints = createWebhookEndpoints({
    database,
    databaseUrl,
    vault,
    keys,
    connection,
    marks,
    publicUrl,
    eventTypes,
    changed,
  });
  const checks = createChecks({
    database,
    entities: entitiesOf(nouns),
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
      openIn: openInOf(nouns),
      registersEndpoint: publicUrl !== undefined,
      takesLiveKeys: !config.embedded || config.sandbox,
      plans,
      orders,
      changed,
    }),
  };
};
