import type { Config } from '../config.js';
import type { Check } from '../doctor/checks.js';
import { createChecks, type RedisParts } from '../doctor/doctor.js';
import { createSettings, type Settings } from '../installation/settings.js';
import { createWebhookEndpoints, type WebhookEndpoints } from '../installation/webhook-endpoint.js';
import type { Noun } from '../nouns/noun.js';
import { entitiesOf } from './entities.js';
import { eventTypesOf, openInOf } from './nouns.js';
import type { OperatorParts } from './operator.js';
import type { Storage } from './storage.js';

/** The settings, Stripe's endpoint and the doctor's checks, the same by command and by GraphQL. */
export interface Configuration {
  readonly endpoints: WebhookEndpoints;
  readonly settings: Settings;
  readonly checks: readonly Check[];
}

interface Needs {
  readonly config: Pick<Config, 'publicUrl' | 'embedded' | 'sandbox' | 'jwt' | 'stripe'>;
  readonly environment: Config['stripe'];
  readonly storage: Pick<Storage, 'database' | 'directUrl' | 'marks'>;
  readonly operator: Omit<OperatorParts, 'roles'>;
  readonly nouns: readonly Noun[];
  readonly redis: RedisParts | undefined;
  readonly loadFlows: () => Promise<unknown>;
}

/** What the doctor needs to know about callers' tokens. */
export const tokensOf = ({ embedded, jwt }: Pick<Config, 'embedded' | 'jwt'>) => ({
  isDemo: embedded,
  maxAgeSeconds: jwt.maxAgeSeconds,
});

/** Builds what configures an installation and what looks after it. */
export const createConfiguration = (needs: Needs): Configuration => {
  const { config, environment, storage, operator, nouns, redis, loadFlows } = needs;
  const { database, directUrl: databaseUrl, marks } = storage;
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
  const settings = createSettings({
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
    tokens: tokensOf(config),
    isCompatibleServer: config.stripe.apiBase !== undefined,
    plans,
    orders,
    flowFiles,
    redis,
    loadFlows,
  });
  return { endpoints, settings, checks };
};
