import { pino } from 'pino';
import type { Config } from '../config.js';
import type { Check } from '../doctor/checks.js';
import { independentChecks } from '../doctor/doctor.js';
import { SANDBOX_KEYS } from '../embedded/embedded-run.js';
import { loadFlows } from '../flows/flow-loader.js';
import type { Vault } from '../installation/encryption.js';
import type { Plans } from '../installation/plan.js';
import { readInstallation, type Settings } from '../installation/settings.js';
import type { WebhookEndpoints } from '../installation/webhook-endpoint.js';
import { NOUNS } from '../nouns.js';
import type { Orders } from '../orders/orders.js';
import type { PubSub } from '../outbox/pubsub.js';
import { createRedisPubSub } from '../outbox/redis.js';
import type { RedisAddress } from '../outbox/redis-address.js';
import { scopePubSub } from '../outbox/scope.js';
import { SETTINGS_TOPIC } from '../outbox/topics.js';
import { createConfiguration, tokensOf } from '../parts/configuration.js';
import { createOperatorParts, type SettingsLink } from '../parts/operator.js';
import { redisParts } from '../parts/redis.js';
import { isMigrated } from '../parts/storage.js';
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
const createLink = ({ redis }: Pick<Config, 'redis'>, installation: string) => {
  let link: Promise<PubSub> | undefined;
  const log = pino({ level: 'silent' });
  return {
    get: async (address: RedisAddress): Promise<PubSub> => {
      link ??= createRedisPubSub({ ...address, log }).then((pubsub) => scopePubSub(pubsub, installation));
      return link;
    },
    address: redis,
    close: async (): Promise<void> => (await link)?.close(),
  };
};

const redisOf = ({ address, get }: ReturnType<typeof createLink>) => address && redisParts(address, () => get(address));

/** Tells running servers that settings changed, where there is a Redis. */
const linkSettings = ({ address, get }: ReturnType<typeof createLink>): SettingsLink => ({
  async tell() {
    if (address === undefined) return;
    await get(address)
      .then((pubsub) => pubsub.publish(SETTINGS_TOPIC, '{}'))
      .catch(() => process.stderr.write('Redis did not answer; running servers see the change within seconds.\n'));
  },
});

/** Opens the workspace and builds the parts over it; `work` must be done with them when it resolves. */
export const withParts = <T>(work: (parts: Parts) => Promise<T>): Promise<T> =>
  withWorkspace(async (workspace) => {
    const { database, apiBase } = workspace;
    if (!(await isMigrated(database))) throw new NoTablesError();
    const installation = await readInstallation(database);
    const link = createLink(workspace.config, installation);
    // A command asks the Stripe of the process that is up.
    const config = { ...workspace.config, stripe: { ...workspace.config.stripe, apiBase } };
    const shared = { config, environment: workspace.config.stripe };
    const operator = createOperatorParts({
      ...shared,
      database,
      link: linkSettings(link),
      sandbox: config.sandbox ? SANDBOX_KEYS : undefined,
      flowFolder: config.flowFolder,
    });
    const { endpoints, settings, checks } = createConfiguration({
      ...shared,
      storage: { database, directUrl: config.directUrl, marks: createMarks(installation) },
      operator,
      nouns: NOUNS,
      redis: redisOf(link),
      loadFlows: () => loadFlows(config.flowFolder),
    });
    try {
      return await work({
        ...workspace,
        ...operator,
        endpoints,
        settings,
        checks: checks.filter(({ reach }) => workspace.reachesStripe || reach !== 'outside'),
        changed: operator.settingsChanged,
      });
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
  try {
    return await work(
      independentChecks({
        redis: redisOf(link),
        loadFlows: () => loadFlows(config.flowFolder),
        tokens: tokensOf(config),
      }),
    );
  } finally {
    await link.close();
  }
};
