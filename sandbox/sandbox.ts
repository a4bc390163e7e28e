import { createApi } from './api.js';
import { kindsByTable, resources } from './catalogue.js';
import { createClock } from './clock.js';
import { createControl } from './control.js';
import { createDeliveries, OWN_PARTITION } from './deliveries.js';
import { createEmitter } from './emitter.js';
import { createExpand } from './expansion.js';
import { createExpiredKeys } from './expired-keys.js';
import { createFaults } from './faults.js';
import { createHttpServer } from './http-server.js';
import { createIdempotency } from './idempotency.js';
import { type Journal, openJournal } from './journal.js';
import type { Kind, StripeObject } from './kind.js';
import { createRequestLog } from './request-log.js';
import { createRouter } from './router.js';
import { createScheduler, type Scheduler } from './scheduler.js';
import { createScopes, type OpenScope } from './scope.js';
import { createStore } from './store.js';
import { createTasks, type Tasks } from './tasks.js';
import { createMislead } from './wrong-answers.js';

export interface SandboxOptions {
  /** 0: the kernel chooses. */
  port: number;
  /** 127.0.0.1 unless given. */
  host?: string;
  /** Whether a request may come in, by its Host header; any may unless given. */
  isForUs?: (request: { readonly headers: { readonly host?: string | undefined } }) => boolean;
  /** Where the state survives a restart; in memory without it. */
  dataFile?: string;
  /** The default endpoint: it gets every event of every account and mode. */
  webhookUrl?: string;
  /** Signs what the default endpoint gets; `whsec_sandbox` unless given. */
  webhookSecret?: string;
  /** Real milliseconds; `Date.now` unless given. */
  now?: () => number;
}

export interface Sandbox {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  setWebhookUrl(url: string): void;
  /** Resolves when no delivery is pending or in flight; one whose next try is more than 5 s away doesn't count. */
  settled(): Promise<void>;
  /** Stops serving and delivering, and writes what is left to the data file. */
  close(): Promise<void>;
}

interface ClockRow extends StripeObject {
  readonly offsetMs: number;
}
const clockRows: Kind<ClockRow> = { table: 'clock' };
const QUIET_MS = 250;

/**
 * A local Stripe: point the official client at it (API 2026-10-28.endive) and it can't tell. `docs/sandbox.md` tells its
 * keys, cards and control doors; `Resource` tells how to add to its API.
 */
export const startSandbox = async (options: SandboxOptions): Promise<Sandbox> => {
  const { host = '127.0.0.1', webhookSecret = 'whsec_sandbox' } = options;
  let journal: Journal | undefined;
  let url = '';
  const clock = createClock(options.now ?? Date.now);
  const store = createStore(kindsByTable, (change) => journal?.record(change));
  if (options.dataFile !== undefined) journal = await openJournal(options.dataFile, store.load, store.dump);
  clock.setOffsetMs(store.get(OWN_PARTITION, clockRows, 'clock')?.offsetMs ?? 0);

  const expiredKeys = createExpiredKeys(store);
  const faults = createFaults();
  const log = createRequestLog();
  const deliveries = createDeliveries({
    store,
    clock,
    faults,
    scheduler: (): Scheduler => scheduler,
    defaultUrl: options.webhookUrl,
    defaultSecret: webhookSecret,
  });
  const scheduler: Scheduler = createScheduler({
    clock,
    afterInstant: deliveries.idle,
    apiQuiet: () => api.quiet(QUIET_MS),
    onOffset: (offsetMs) => store.put(OWN_PARTITION, clockRows, { id: 'clock', object: 'clock', offsetMs }),
  });
  const tasks: Tasks = createTasks({ store, clock, scheduler, resources, openScope: (): OpenScope => openScope });
  const openScope: OpenScope = createScopes({
    store,
    clock,
    baseUrl: () => url,
    emit: createEmitter({ clock, faults, deliveries, resources }),
    schedule: tasks.schedule,
  });
  const api = createApi({
    clock,
    faults,
    log,
    openScope,
    idempotency: createIdempotency(store, clock),
    match: createRouter(resources),
    expand: createExpand(kindsByTable),
    mislead: createMislead(kindsByTable),
    expiredKeys,
  });
  const reset = async (): Promise<void> => {
    scheduler.clear();
    deliveries.clear();
    store.clear();
    faults.clear();
    log.clear();
    clock.setOffsetMs(0);
    await journal?.rewrite();
  };
  const control = createControl({ store, clock, scheduler, faults, deliveries, log, expiredKeys, openScope, reset });
  const server = createHttpServer(api, control, options.isForUs);

  const port = await server.listen(options.port, host);
  url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  tasks.resume();
  deliveries.resume();
  return {
    url,
    port,
    setWebhookUrl: deliveries.setDefaultUrl,
    settled: deliveries.settled,
    close: async () => {
      scheduler.clear();
      await server.close();
      deliveries.close();
      await journal?.close();
    },
  };
};
