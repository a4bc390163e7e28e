import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config.js';
import { DatabaseDownError, NotActivatedError } from '../core/errors.js';
import { createDemoDoor } from '../embedded/demo-door.js';
import { createEffectJobs } from '../flows/effect-jobs.js';
import { withConsoleSessions } from '../graphql/console-token.js';
import { DEFAULT_LIMITS } from '../graphql/limits.js';
import { createTokenVerifier, type TokenVerifier } from '../graphql/token.js';
import { createPages, WEB_FOLDER } from '../http/pages.js';
import type { Readiness } from '../http/probes.js';
import type { Routes } from '../http/routes.js';
import { createHttpServer, type HttpServer } from '../http/server.js';
import { createWebhookEndpoint } from '../inbox/endpoint.js';
import { createAuditLog } from '../installation/audit-log.js';
import { createConsoleSessions } from '../installation/console-sessions.js';
import { createSetup } from '../installation/setup.js';
import type { PubSub } from '../outbox/pubsub.js';
import { unavailableOr } from '../storage/busy.js';
import { readClock } from '../storage/clock.js';
import { assertTakesPayments } from '../storage/writable.js';
import type { Console } from './console.js';
import { openRateLink } from './links.js';
import type { BuiltNouns } from './nouns.js';
import type { OnStop } from './on-stop.js';
import type { OperatorParts } from './operator.js';
import type { Storage } from './storage.js';
import type { StripeDoor } from './stripe-door.js';

interface Needs {
  /** Where it counts, and what it tells at /metrics. */
  readonly registry: Registry;
  readonly config: Config;
  readonly storage: Storage;
  readonly operator: OperatorParts;
  readonly console: Console;
  readonly nouns: BuiltNouns;
  readonly schema: GraphQLSchema;
  readonly door: StripeDoor;
  readonly pubsub: PubSub;
  readonly log: Logger;
  readonly onStop: OnStop;
}

const verifierOf = ({
  jwt: { secret, jwksUrl, issuer, audience, trustRoles, rolesClaim, maxAgeSeconds },
}: Config): TokenVerifier =>
  createTokenVerifier(jwksUrl === undefined ? { secret: secret ?? '' } : { jwksUrl }, {
    trustRoles,
    ...(rolesClaim !== undefined && { rolesClaim }),
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  });

/** What the operator has set up for payments; the database is asked, so it must answer. */
const setupOf = async ({ operator: { orders, connection } }: Needs): Promise<Readonly<Record<string, string>>> => ({
  orders: await orders.binding().then(
    () => 'ok',
    (error: unknown) =>
      error instanceof NotActivatedError
        ? 'no order table is bound: run "tollgate activate"'
        : 'the binding is not known',
  ),
  stripe: await connection.keys().then(
    (keys) => (keys ? 'ok' : 'no Stripe keys are set: run "tollgate configure"'),
    () => 'the Stripe keys can not be read; "tollgate doctor" says why',
  ),
});

const readinessOf =
  (needs: Needs): Readiness =>
  async () => {
    const { storage, pubsub } = needs;
    const database = await assertTakesPayments(storage.database).then(
      () => 'ok',
      (error: unknown) =>
        unavailableOr(error) instanceof DatabaseDownError
          ? 'PostgreSQL does not answer'
          : 'PostgreSQL refuses what a payment writes; "tollgate doctor" says why',
    );
    return {
      database,
      ...(database === 'ok' && (await setupOf(needs))),
      pubsub: await pubsub.ping().then(
        () => 'ok',
        () => 'Redis does not answer',
      ),
    };
  };

/** The pages, and the demo door of an embedded run. */
const routesOf = ({ config, storage }: Needs, tokens: TokenVerifier): Routes => {
  const { jwt, stripe, embedded } = config;
  return {
    ...createPages({ folder: WEB_FOLDER, shop: embedded, stripeUrl: stripe.apiBase }),
    ...(embedded &&
      jwt.secret !== undefined &&
      createDemoDoor({
        database: storage.database,
        tokens,
        jwt: { ...jwt, secret: jwt.secret },
        stripe: { url: stripe.apiBase, secretKey: stripe.secretKey },
      })),
  };
};

/** Builds the one server with all its doors; it does not listen yet. */
export const createClientDoors = (needs: Needs): HttpServer => {
  const { config, operator, console, nouns, schema, door, log } = needs;
  const consoleSessions = createConsoleSessions(needs.storage.database);
  const tokens = withConsoleSessions(verifierOf(config), consoleSessions);
  const redis = openRateLink(needs);
  return createHttpServer({
    schema,
    domain: {
      ...nouns.domain,
      settings: console.settings,
      plans: operator.plans,
      setup: createSetup({ database: needs.storage.database, settings: console.settings }),
      limits: { ...DEFAULT_LIMITS, ...config.limits },
      activation: console.activation,
      roleManagement: console.roleManagement,
      events: door.events,
      effects: createEffectJobs(needs.storage.database),
      audit: createAuditLog(needs.storage.database),
      problems: console.problems,
      consoleSessions,
      ...(config.stripe.apiBase !== undefined && { sandboxUrl: config.stripe.apiBase }),
    },
    roles: operator.roles,
    tokens,
    webhook: createWebhookEndpoint({
      connection: operator.connection,
      readKeysAgain: () => operator.keys.readAgain(),
      readClock: () => readClock(needs.storage.database),
      processor: door.processor,
      log,
    }),
    ready: readinessOf(needs),
    registry: needs.registry,
    log,
    basePath: config.basePath,
    introspection: config.introspection,
    documents: config.documents,
    metricsToken: config.metricsToken,
    keepAlive: config.keepAlive,
    translate: unavailableOr,
    origins: [...config.corsOrigins, ...(config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin])],
    limits: config.limits,
    trustedProxies: config.trustedProxies,
    loopbackOnly: config.embedded,
    ...(redis && {
      counters: { redis, keyPrefix: config.redis?.keyPrefix, installation: needs.storage.installation() },
    }),
    exports: nouns.exports,
    routes: routesOf(needs, tokens),
  });
};
