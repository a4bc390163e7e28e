import { partitionOf } from './accounts.js';
import type { Clock } from './clock.js';
import type { Faults } from './faults.js';
import { newId } from './ids.js';
import type { Kind, StripeObject } from './kind.js';
import { type EventRow, events, publicEvent } from './resources/event.js';
import { webhookEndpoints, webhookSecrets } from './resources/webhook-endpoint.js';
import type { Scheduler } from './scheduler.js';
import type { Scope } from './scope.js';
import { signatureHeader } from './signature.js';
import type { Store } from './store.js';
import { API_VERSION } from './version.js';
import { createWebhookSender } from './webhook-sender.js';

export interface Attempt {
  /** Real milliseconds. */
  readonly atMs: number;
  readonly status: number | null;
  readonly body: string;
  readonly error: string | null;
  readonly durationMs: number;
}

/** One event on its way to one endpoint. */
export interface Delivery extends StripeObject {
  readonly object: 'delivery';
  readonly account: string;
  readonly livemode: boolean;
  readonly event: string;
  readonly type: string;
  /** `default` or the id of a webhook endpoint. */
  readonly endpoint: string;
  readonly url: string;
  readonly apiVersion: string;
  status: 'pending' | 'succeeded' | 'failed' | 'dropped';
  attempts: Attempt[];
  /** When it is tried again, on the sandbox's clock; null when it is being tried or over. */
  nextAttemptMs: number | null;
}
export const deliveryRows: Kind<Delivery> = { table: 'delivery', indexes: ['event'] };

/** Notes of the sandbox itself are kept in this partition. */
export const OWN_PARTITION = 'sandbox';

export interface Target {
  readonly endpoint: string;
  readonly url: string;
  readonly apiVersion: string;
}

/** Sends events to endpoints (Stripe: "Receive Stripe events in your webhook endpoint"). */
export interface Deliveries {
  /** The endpoints that want this type. */
  targets(scope: Scope, type: string): Target[];
  publish(scope: Scope, event: EventRow, targets: readonly Target[]): void;
  setDefaultUrl(url: string): void;
  list(): Iterable<Delivery>;
  find(id: string): Delivery | undefined;
  /** Sends one delivery again at once, whatever became of it. */
  resend(id: string): void;
  /** Sends an event again to everyone who wants it, optionally labelled with another API version. */
  resendEvent(scope: Scope, event: EventRow, apiVersion?: string): Target[];
  /** Resolves when nothing waits to be sent or answered; retries that lie in the future don't count. */
  idle(): Promise<void>;
  /** Like `idle`, but retries that are at most 5 s away count too. */
  settled(): Promise<void>;
  /** After a restart: takes up what was pending. */
  resume(): void;
  /** Forgets all; answers that are still to come change nothing. */
  clear(): void;
  close(): void;
}

export interface DeliveriesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly scheduler: () => Scheduler;
  readonly defaultUrl: string | undefined;
  readonly defaultSecret: string;
}

interface Lane {
  readonly queue: Delivery[];
  /** Held back by a fault until one that started after them is answered. */
  held: { readonly delivery: Delivery; readonly since: number }[];
  inFlight: number;
  started: number;
}

const MOST_IN_FLIGHT = 50;
const MOST_ATTEMPTS = 16;
const LONGEST_RETRY_MS = 12 * 60 * 60 * 1_000;
const SOON_MS = 5_000;
const HELD_MS = 250;
const MOST_KEPT = 20_000;

/** Retries after 1, 2, 4 … seconds of the sandbox's clock, 12 hours at most (Stripe retries for up to three days). */
const retryDelayMs = (attempts: number): number => Math.min(1_000 * 2 ** (attempts - 1), LONGEST_RETRY_MS);

/** Deliveries start in the order of their events, per endpoint, up to 50 at a time. */
export const createDeliveries = (parts: DeliveriesParts): Deliveries => {
  const { store, clock, faults } = parts;
  const sender = createWebhookSender();
  const lanes = new Map<string, Lane>();
  const active = new Set<Delivery>();
  const soon = new Set<Delivery>();
  const timers = new Set<NodeJS.Timeout>();
  let waiting: { readonly includesSoon: boolean; readonly resolve: () => void }[] = [];
  let defaultUrl = parts.defaultUrl;
  let epoch = 0;
  let kept = 0;

  const wake = (): void => {
    const isDone = (includesSoon: boolean): boolean => active.size === 0 && (!includesSoon || soon.size === 0);
    const done = waiting.filter(({ includesSoon }) => isDone(includesSoon));
    if (done.length === 0) return;
    waiting = waiting.filter(({ includesSoon }) => !isDone(includesSoon));
    for (const { resolve } of done) resolve();
  };

  const later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  };

  const laneOf = (delivery: Delivery): Lane => {
    const key = `${partitionOf(delivery)}|${delivery.endpoint}`;
    let lane = lanes.get(key);
    if (!lane) {
      lane = { queue: [], held: [], inFlight: 0, started: 0 };
      lanes.set(key, lane);
    }
    return lane;
  };

  const save = (delivery: Delivery): void => store.put(OWN_PARTITION, deliveryRows, delivery);

  const secretOf = (delivery: Delivery): string =>
    delivery.endpoint === 'default'
      ? parts.defaultSecret
      : (store.get(partitionOf(delivery), webhookSecrets, delivery.endpoint)?.secret ?? parts.defaultSecret);

  /** Where it goes now: an address may have changed since, and a deleted endpoint gets nothing more. */
  const addressOf = (delivery: Delivery): string | undefined =>
    delivery.endpoint === 'default'
      ? (defaultUrl ?? delivery.url)
      : store.get(partitionOf(delivery), webhookEndpoints, delivery.endpoint)?.url;

  const giveUp = (delivery: Delivery): void => {
    delivery.status = 'failed';
    delivery.nextAttemptMs = null;
    save(delivery);
  };

  const succeed = (delivery: Delivery): void => {
    if (delivery.status === 'succeeded') {
      save(delivery);
      return;
    }
    delivery.status = 'succeeded';
    delivery.nextAttemptMs = null;
    soon.delete(delivery);
    save(delivery);
    const event = store.get(partitionOf(delivery), events, delivery.event);
    if (!event || event.pending_webhooks === 0) return;
    event.pending_webhooks -= 1;
    store.put(partitionOf(delivery), events, event);
  };

  const waitForRetry = (delivery: Delivery): void => {
    const atMs = delivery.nextAttemptMs ?? clock.nowMs();
    if (atMs - clock.nowMs() <= SOON_MS) soon.add(delivery);
    const started = epoch;
    parts.scheduler().at(atMs, () => {
      if (started !== epoch || delivery.status !== 'pending') return;
      delivery.nextAttemptMs = null;
      enqueue(delivery);
    });
  };

  const fail = (delivery: Delivery): void => {
    if (delivery.status === 'succeeded') {
      save(delivery);
      return;
    }
    if (delivery.attempts.length >= MOST_ATTEMPTS) {
      delivery.status = 'failed';
      delivery.nextAttemptMs = null;
    } else {
      delivery.status = 'pending';
      delivery.nextAttemptMs = clock.nowMs() + retryDelayMs(delivery.attempts.length);
      waitForRetry(delivery);
    }
    save(delivery);
  };

  const attempt = async (delivery: Delivery): Promise<void> => {
    const started = epoch;
    const event = store.get(partitionOf(delivery), events, delivery.event);
    const address = addressOf(delivery);
    if (!event || address === undefined) {
      giveUp(delivery);
      return;
    }
    const refusal = faults.takeForEvent(delivery.type, ['status', 'timeout']);
    const atMs = Date.now();
    let sent = { status: refusal?.status ?? null, body: '', error: null as string | null };
    if (refusal?.kind !== 'status') {
      const payload = JSON.stringify({ ...publicEvent(event), api_version: delivery.apiVersion }, null, 2);
      const seconds = Math.floor(clock.realMs() / 1_000);
      sent = await sender.post(
        address,
        payload,
        signatureHeader(payload, secretOf(delivery), seconds, delivery.livemode),
      );
    }
    if (started !== epoch) return;
    if (refusal?.kind === 'timeout') sent = { status: null, body: '', error: 'timed out (fault)' };
    delivery.attempts.push({ atMs, ...sent, durationMs: Date.now() - atMs });
    if (sent.status !== null && sent.status >= 200 && sent.status < 300) succeed(delivery);
    else fail(delivery);
  };

  const release = (lane: Lane, isDue: (since: number) => boolean): void => {
    const due = lane.held.filter(({ since }) => isDue(since));
    lane.held = lane.held.filter(({ since }) => !isDue(since));
    for (const { delivery } of due) launch(delivery, lane);
  };

  const send = async (delivery: Delivery, lane: Lane, turn: number): Promise<void> => {
    const started = epoch;
    const twice = faults.takeForEvent(delivery.type, ['duplicate']) !== undefined;
    await Promise.all(twice ? [attempt(delivery), attempt(delivery)] : [attempt(delivery)]);
    if (started !== epoch) return;
    active.delete(delivery);
    lane.inFlight -= 1;
    release(lane, (since) => since < turn);
    pump(lane);
  };

  const launch = (delivery: Delivery, lane: Lane): void => {
    lane.inFlight += 1;
    lane.started += 1;
    const turn = lane.started;
    const delay = faults.takeForEvent(delivery.type, ['delay']);
    if (delay) later(delay.delayMs, () => void send(delivery, lane, turn));
    else void send(delivery, lane, turn);
  };

  const start = (delivery: Delivery, lane: Lane): void => {
    if (faults.takeForEvent(delivery.type, ['drop'])) {
      delivery.status = 'dropped';
      delivery.nextAttemptMs = null;
      save(delivery);
      active.delete(delivery);
      return;
    }
    if (faults.takeForEvent(delivery.type, ['reorder'])) {
      // It goes after the next one that is answered, or by itself when no other comes.
      const since = lane.started;
      lane.held.push({ delivery, since });
      later(HELD_MS, () => release(lane, (at) => at === since));
      return;
    }
    launch(delivery, lane);
  };

  const pump = (lane: Lane): void => {
    while (lane.inFlight < MOST_IN_FLIGHT) {
      const next = lane.queue.shift();
      if (!next) break;
      start(next, lane);
    }
    wake();
  };

  const enqueue = (delivery: Delivery): void => {
    soon.delete(delivery);
    active.add(delivery);
    const lane = laneOf(delivery);
    lane.queue.push(delivery);
    const started = epoch;
    setImmediate(() => {
      if (started === epoch) pump(lane);
    });
  };

  const forgetOldest = (): void => {
    if (++kept <= MOST_KEPT) return;
    for (const old of store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' })) {
      if (old.status === 'pending') continue;
      store.delete(OWN_PARTITION, deliveryRows, old.id);
      kept -= 1;
      return;
    }
  };

  const targets = (scope: Scope, type: string): Target[] => {
    const found: Target[] =
      defaultUrl === undefined ? [] : [{ endpoint: 'default', url: defaultUrl, apiVersion: API_VERSION }];
    for (const endpoint of store.walk(partitionOf(scope), webhookEndpoints, { direction: 'newer' })) {
      const isWanted = endpoint.enabled_events.includes('*') || endpoint.enabled_events.includes(type);
      if (endpoint.status === 'enabled' && isWanted)
        found.push({ endpoint: endpoint.id, url: endpoint.url, apiVersion: endpoint.api_version ?? API_VERSION });
    }
    return found;
  };

  const publish = (scope: Scope, event: EventRow, to: readonly Target[]): void => {
    for (const target of to) {
      forgetOldest();
      const delivery: Delivery = {
        id: newId('whd'),
        object: 'delivery',
        account: scope.account,
        livemode: scope.livemode,
        event: event.id,
        type: event.type,
        ...target,
        status: 'pending',
        attempts: [],
        nextAttemptMs: null,
      };
      save(delivery);
      enqueue(delivery);
    }
  };

  const whenDone = (includesSoon: boolean): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ includesSoon, resolve });
      wake();
    });

  const clear = (): void => {
    epoch += 1;
    kept = 0;
    lanes.clear();
    active.clear();
    soon.clear();
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    wake();
  };

  return {
    targets,
    publish,
    setDefaultUrl: (url) => {
      defaultUrl = url;
    },
    list: () => store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' }),
    find: (id) => store.get(OWN_PARTITION, deliveryRows, id),
    resend: (id) => {
      const delivery = store.get(OWN_PARTITION, deliveryRows, id);
      if (delivery && !active.has(delivery)) enqueue(delivery);
    },
    resendEvent: (scope, event, apiVersion) => {
      const to = targets(scope, event.type).map((target) => (apiVersion ? { ...target, apiVersion } : target));
      publish(scope, event, to);
      return to;
    },
    idle: () => whenDone(false),
    settled: () => whenDone(true),
    resume: () => {
      for (const delivery of store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' })) {
        kept += 1;
        if (delivery.status !== 'pending') continue;
        if (delivery.nextAttemptMs === null) enqueue(delivery);
        else waitForRetry(delivery);
      }
    },
    clear,
    close: () => {
      clear();
      sender.close();
    },
  };
};
