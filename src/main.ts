import { realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { type Config, ConfigError, type ConfigProblem, readConfig } from './config.js';
import { DomainError, wordsOf } from './core/errors.js';
import { UNWATCHED } from './core/work-board.js';
import { createProblemWatch, type ProblemTiming } from './doctor/problem-watch.js';
import { findSetupProblems } from './doctor/setup-problems.js';
import {
  type EmbeddedGround,
  type EmbeddedRun,
  openEmbeddedGround,
  SAMPLE_ORDERS,
  SANDBOX_KEYS,
  standOn,
} from './embedded/embedded-run.js';
import { listenOnFree } from './embedded/ports.js';
import { welcome } from './embedded/welcome.js';
import { type EffectTiming, startEffects } from './flows/effect-runner.js';
import { loadFlows } from './flows/flow-loader.js';
import { createFlowRefunds, withRefunds } from './flows/flow-refunds.js';
import { checkFlowTypes } from './flows/flow-types.js';
import { type Flows, withoutCallbacks } from './flows/flows.js';
import { createFlowFreezes } from './flows/freezes.js';
import { watchFlows } from './flows/watched-flows.js';
import { createSchema } from './graphql/schema.js';
import { hasConsole, WEB_FOLDER } from './http/pages.js';
import type { HttpServer } from './http/server.js';
import { createDriftRecorder } from './inbox/drift.js';
import { countFrozenEvents } from './inbox/frozen-events.js';
import type { InboxLimits } from './inbox/inbox.js';
import { startJobs } from './inbox/jobs.js';
import { createPayloadKeeping } from './inbox/payload-keeping.js';
import { createEndpointCare, type KeyTiming } from './installation/endpoint-care.js';
import { setFirstPlan } from './installation/plan.js';
import { createRedirects, type Redirects } from './installation/redirects.js';
import { isLiveKey } from './installation/stripe-connection.js';
import { createLogger } from './logger.js';
import type { Noun } from './nouns/noun.js';
import type { RefundTiming } from './nouns/refunds/make.js';
import { NOUNS } from './nouns.js';
import { createActivation } from './orders/activation.js';
import { findOrderBarriers } from './orders/order-access.js';
import { createOutbox, type Outbox } from './outbox/outbox.js';
import { createClientDoors } from './parts/client-doors.js';
import { createConsole } from './parts/console.js';
import { entitiesOf } from './parts/entities.js';
import { registerInstallationMetrics } from './parts/installation-metrics.js';
import { openPubSub } from './parts/links.js';
import { type BuiltNouns, buildNouns, eventTypesOf } from './parts/nouns.js';
import { createStops, type OnStop } from './parts/on-stop.js';
import { createOperations, type Operations } from './parts/operations.js';
import { createOperatorParts, linkSettings, type OperatorParts } from './parts/operator.js';
import { createProcessMetrics } from './parts/process-metrics.js';
import { openStorage, type Storage } from './parts/storage.js';
import { createStripeDoor, type StripeDoor } from './parts/stripe-door.js';
import { startWatchdog, type Watchdog } from './parts/watchdog.js';

/** A running Tollgate. */
export interface Tollgate {
  /** Where it answers, without a slash at the end. */
  readonly url: string;
  /** The sandbox that it brought, if any. */
  readonly sandboxUrl: string | undefined;
  /** What an operator does by command. */
  readonly operations: Operations;
  /** Stops taking work, ends what is under way, closes everything, in a bounded time. May be called twice. */
  stop(): Promise<void>;
}

/** What a start needs beside the configuration. */
export interface StartParts {
  readonly log: Logger;
  readonly flows: Flows;
  /** Where `activatePayments` writes the flows' files; left out, it writes none. */
  readonly flowFolder?: string;
  /** The nouns; the product's unless told. */
  readonly nouns?: readonly Noun[];
  /** How long the search for a refund's unknown outcome waits; minutes unless told. */
  readonly refundTiming?: RefundTiming;
  /** How often events and effects are tried again; as in production unless told. */
  readonly inboxLimits?: InboxLimits;
  readonly effectTiming?: EffectTiming;
  /** How long jobs rest between two looks, in milliseconds; a second unless told. */
  readonly jobsEveryMs?: number;
  /** How soon other keys are noticed, and how often the webhook endpoint is looked after; as in production unless told. */
  readonly keyTiming?: KeyTiming;
  /** When problems are looked at; a minute after the start, and every half minute, unless told. */
  readonly problemTiming?: ProblemTiming;
  /** Looks after a process of its own; in another's, nobody does. */
  readonly watchdog?: Watchdog;
  /** What an embedded run stands on, where another process holds it; its own otherwise. */
  readonly ground?: EmbeddedGround | undefined;
  /** For a command: nothing listens and no job runs. `rehearses`: nothing is written either, and no callback runs. */
  readonly command?: { readonly rehearses: boolean };
}

/** A stop takes less than 15 s, whatever hangs: these, and what an embedded run's own needs. */
const STOP = { wholeMs: 8_000, stepMs: 6_000 };
/** How long calls to Stripe may still go on then: their outcome is unknown after that, and found out by the next start. */
const CALLS_MS = 3_000;
/** The process ends then, should even the bounds not hold. */
const LAST_MS = 14_500;

/** Builds every part, starts it, and gives the way to stop it in reverse. What had started is stopped if a later part fails. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: every part once, from top to bottom, is read as one list
export const startTollgate = async (environment: Config, parts: StartParts): Promise<Tollgate> => {
  const { onStop, run: stopParts } = createStops(STOP);
  const calls = new AbortController();
  let embedded: EmbeddedRun | undefined;
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => calls.abort(new Error('The server stops.')), CALLS_MS);
    try {
      await stopParts();
    } finally {
      clearTimeout(timer);
      await embedded?.stop();
    }
  };
  try {
    const { log, flowFolder, inboxLimits, command, watchdog, nouns = NOUNS } = parts;
    const rehearses = command?.rehearses === true;

    // What an embedded run brings
    if (environment.embedded)
      embedded = await standOn(parts.ground ?? (await openEmbeddedGround(environment, log)), environment);
    if (embedded?.postgres) watchdog?.equip({ postgres: embedded.postgres });
    const config = embedded?.config ?? environment;
    const shared = { config, log, onStop };
    const registry = new Registry();
    const metrics = createProcessMetrics(registry);

    // What is remembered, what is told, what an operator decided
    const storage = await openStorage({
      ...shared,
      databaseUrl: config.databaseUrl ?? '',
      directUrl: config.directUrl ?? config.databaseUrl ?? '',
      entities: entitiesOf(nouns),
      rehearses,
    });
    watchdog?.equip({ databaseUrl: storage.directUrl });
    const pubsub = await openPubSub(shared, storage.installation());
    const given = {
      environment: environment.stripe,
      sandbox: embedded?.sandboxUrl === undefined ? undefined : SANDBOX_KEYS,
    };
    const operator = createOperatorParts({
      ...storage,
      ...given,
      config,
      link: linkSettings(pubsub, log),
      flowFolder,
      keptMs: parts.keyTiming?.keptMs,
      stopCalls: calls.signal,
      observeCall: metrics.called,
    });
    await prepare(embedded, storage, operator, log);

    // The developer's flows: a server runs none that held up its predecessors; a command is an operator's own try
    const freezes = createFlowFreezes(storage.database);
    const mine = rehearses ? withoutCallbacks(parts.flows) : parts.flows;
    const flowRefunds = createFlowRefunds();
    const watched = command
      ? mine
      : watchFlows(mine, { watch: watchdog?.watch ?? UNWATCHED, freezes, ran: metrics.ran });
    const flows = withRefunds(watched, flowRefunds);

    // The nouns, and how every process hears of their rows
    const recorder = createDriftRecorder({ database: storage.database, kinds: () => outbox.kinds });
    const outbox = createOutbox({
      database: storage.database,
      pubsub,
      log,
      heard: command && recorder.record,
      published: metrics.published,
      // Without Redis a command reaches nobody; a server publishes what it left.
      publishes: !command || (!rehearses && config.redis !== undefined),
    });
    onStop(() => outbox.flush());
    // An embedded run is reached by its own address too, which is known once it listens.
    const addresses: string[] = config.publicUrl === undefined ? [] : [config.publicUrl];
    const redirects = redirectsTo(config, addresses);
    const { keepsUnpaidInvoices, oneTrialPerAccount, paymentCustomers, outgoingHosts } = config;
    const settings = {
      keepsUnpaidInvoices,
      oneTrialPerAccount,
      paymentCustomers,
      outgoingHosts,
      ...(parts.refundTiming && { refundTiming: parts.refundTiming }),
    };
    const schema = createSchemaOnce(nouns);
    const built = buildNouns(nouns, {
      ...storage,
      ...operator,
      redirects,
      flows,
      flowRefunds,
      outbox,
      pubsub,
      settings,
      schema,
      rehearses,
      log,
      onStop,
    });
    const console = createConsole({
      ...shared,
      environment: environment.stripe,
      storage,
      operator,
      pubsub,
      flows,
      nouns,
    });

    // The doors: Stripe's, the operator's commands, clients'
    const eventTypes = eventTypesOf(nouns);
    const door = createStripeDoor({
      ...shared,
      storage,
      operator,
      nouns: built,
      eventTypes,
      inboxLimits,
      registry,
      metrics,
    });
    const operations = createOperations({
      storage,
      door,
      nouns: built,
      endpoints: console.endpoints,
      recorder,
      rehearses,
    });
    if (command) return { url: '', sandboxUrl: undefined, operations, stop };
    registerInstallationMetrics(registry, storage.database);
    const server = createClientDoors({
      ...shared,
      storage,
      operator,
      console,
      nouns: built,
      schema: schema(),
      door,
      pubsub,
      registry,
    });

    const countFrozen = async (): Promise<void> => {
      await countFrozenEvents(storage.database, door.inbox);
      await freezes.refresh();
    };
    await countFrozen();
    const { url, port } = await listen(config, server);
    if (embedded) addresses.push(url, `http://localhost:${port}`);
    await embedded?.announce(url);
    const endpointCare = createEndpointCare(operator.keys, console.endpoints);
    const tellProblems = createProblemWatch({
      ...storage,
      findings: console.problems.findings,
      timing: parts.problemTiming,
      log,
    });
    const jobs = [...built.jobs, { name: 'problems', run: tellProblems }];
    startWork({ ...shared, ...parts, storage, door, outbox, flows, jobs, countFrozen, endpointCare });
    onStop(() => server.close());
    return { url, sandboxUrl: embedded?.sandboxUrl, operations, stop };
  } catch (error) {
    await stop().catch((failure: unknown) => parts.log.error({ err: failure }, 'the stop failed'));
    throw error;
  }
};

/** A command asks for it seldom, and it takes a while. */
const createSchemaOnce = (nouns: readonly Noun[]) => {
  let schema: ReturnType<typeof createSchema> | undefined;
  return () => {
    schema ??= createSchema(nouns);
    return schema;
  };
};

/** Where people may be sent back to. */
const redirectsTo = (
  { redirectOrigins, corsOrigins }: Pick<Config, 'redirectOrigins' | 'corsOrigins'>,
  addresses: readonly string[],
): Redirects =>
  createRedirects({
    origins: () => [...redirectOrigins, ...addresses.map((address) => new URL(address).origin)],
    // People come from the shop's pages and go back there; an embedded run's shop is its own.
    own: () => corsOrigins.find((origin) => redirectOrigins.includes(origin)) ?? addresses[0],
  });

/** From here on it serves. */
const listen = async (
  { host, port: wanted, basePath }: Pick<Config, 'host' | 'port' | 'basePath'>,
  server: HttpServer,
) => {
  const port = await listenOnFree(wanted, 'PORT', (number) => server.listen(number, host));
  return { port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${basePath}` };
};

interface Work extends Pick<StartParts, 'log' | 'jobsEveryMs' | 'effectTiming' | 'keyTiming'> {
  readonly config: Pick<Config, 'eventPayloadDays' | 'followSeconds'>;
  readonly storage: Storage;
  readonly door: StripeDoor;
  readonly outbox: Outbox;
  readonly flows: Flows;
  readonly jobs: BuiltNouns['jobs'];
  readonly countFrozen: () => Promise<void>;
  readonly endpointCare: () => Promise<void>;
  readonly onStop: OnStop;
}

/** Starts what nobody asks for: jobs and effects. */
const startWork = (all: Work): void => {
  const { config, storage, door, flows, onStop, jobsEveryMs, effectTiming, keyTiming, ...work } = all;
  const jobs = startJobs({
    ...work,
    ...door,
    followEveryMs: config.followSeconds * 1_000,
    payloads: createPayloadKeeping(storage.database, config.eventPayloadDays),
    ...(jobsEveryMs !== undefined && { everyMs: jobsEveryMs }),
    ...(keyTiming && { careEveryMs: keyTiming.careEveryMs }),
  });
  onStop(() => jobs.stop());
  const effects = startEffects({
    ...storage,
    databaseUrl: storage.directUrl,
    effects: flows.effects,
    log: work.log,
    ...(effectTiming && { timing: effectTiming }),
  });
  onStop(() => effects.stop());
};

/** Stored keys are known only once the database is open. */
const LIVE_DEMO: ConfigProblem = {
  variable: 'DATABASE_URL',
  problem: 'is missing, and live keys are stored: an embedded run has demo accounts that are open to anyone',
  remedy: 'Set it for a real run, or store test keys: "npx tollgate configure".',
};

/** Binds the sample of an embedded run, and says what of the set-up is to be mended. */
const prepare = async (
  embedded: EmbeddedRun | undefined,
  { database }: Storage,
  { orders, plans, flowFiles, keys }: OperatorParts,
  log: Logger,
): Promise<void> => {
  if (embedded) {
    await createActivation({ database, orders }).activate(SAMPLE_ORDERS);
    await setFirstPlan(database, 'PRO', 'embedded run');
  }
  // What is stored may be closed to the encryption key that is set; everything but Stripe works all the same.
  const inForce = await keys.read().catch((error: unknown) => {
    if (!(error instanceof DomainError)) throw error;
    log.warn({ code: 'ENCRYPTION_KEY', message: error.message }, 'to be mended');
  });
  if (embedded && embedded.sandboxUrl === undefined && inForce && isLiveKey(inForce.secretKey))
    throw new ConfigError([LIVE_DEMO]);
  const binding = await orders.findBinding();
  const barriers = binding ? await findOrderBarriers(database, binding) : [];
  const problems = [
    ...(await findSetupProblems({ database, orders, plans, flowFiles })),
    ...barriers.map((barrier) => ({ code: 'ORDER_UNREADABLE', ...barrier })),
  ];
  for (const problem of problems) log.warn(problem, 'to be mended');
};

/** Stops on the first signal, also while it starts. Further ones are the same Ctrl-C, which a parent hands on once more. */
const stopOnSignals = (starting: Promise<Tollgate>, log: Logger): void => {
  let isStopping = false;
  const end = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), LAST_MS);
    try {
      await (await starting).stop();
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'the stop failed');
      process.exit(1);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(signal));
};

/** What a start of the process may be told beside the environment. */
export interface RunParts {
  readonly adapt?: (flows: Flows) => Flows;
  /** By "tollgate dev", which holds what an embedded run stands on, and looks at the flows' types itself. */
  readonly dev?: { readonly ground: EmbeddedGround | undefined };
}

/** Starts from the environment and stops on a signal; a start that fails says why in words and exits with 1. */
export const run = async ({ adapt = (flows) => flows, dev }: RunParts = {}): Promise<void> => {
  const startedAt = performance.now();
  try {
    const config = readConfig(process.env, process.stdout.isTTY);
    const log = createLogger(config.log);
    for (const warning of config.warnings) log.warn(warning);
    const watchdog = startWatchdog(log, config);
    const { flowFolder } = config;
    const loading = watchdog.watch.begin({ sort: 'files', name: flowFolder, subject: '' });
    const typesChecked =
      !dev &&
      config.embedded &&
      !config.production &&
      checkFlowTypes(flowFolder, path.join(config.dataDir, 'flow-types'));
    const tellAbsent = (place: string): void =>
      log.warn(
        `There is no ${place}, so nothing runs for it. "npx tollgate activate" with the same binding writes the file.`,
      );
    const [found] = await Promise.all([loadFlows(flowFolder, tellAbsent), typesChecked]);
    const flows = adapt(found);
    loading.end();
    const starting = startTollgate(config, { log, flows, flowFolder, watchdog, ground: dev?.ground });
    stopOnSignals(starting, log);
    // A flow or effect may leave a promise alone; what it was part of has been settled without it, and others go on.
    process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise failed that nobody waited for'));
    process.stdout.write(
      welcome(config, await starting, { tookMs: performance.now() - startedAt, isBuilt: hasConsole(WEB_FOLDER) }),
    );
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exit(1);
  }
};

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await run();
