import type { Config } from '../config.js';
import { createProblems } from '../doctor/problems.js';
import type { Flows } from '../flows/flows.js';
import type { Problems } from '../installation/problems.js';
import { createRoleManagement, type RoleManagement } from '../installation/role-management.js';
import type { Settings } from '../installation/settings.js';
import type { WebhookEndpoints } from '../installation/webhook-endpoint.js';
import type { Noun } from '../nouns/noun.js';
import { type Activation, createActivation } from '../orders/activation.js';
import type { PubSub } from '../outbox/pubsub.js';
import { createConfiguration } from './configuration.js';
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
export const createConsole = ({ pubsub, flows, ...needs }: Needs): Console => {
  const { database } = needs.storage;
  const { orders, flowFiles, settingsChanged: changed } = needs.operator;
  const { redis } = needs.config;
  const { endpoints, settings, checks } = createConfiguration({
    ...needs,
    redis: redis && redisParts(redis, async () => pubsub),
    // They were loaded before the start went on.
    loadFlows: async () => flows,
  });
  return {
    endpoints,
    settings,
    activation: createActivation({ database, orders, flowFiles, changed }),
    roleManagement: createRoleManagement({ database, changed, keepsAdministrator: true }),
    problems: createProblems(checks),
  };
};
