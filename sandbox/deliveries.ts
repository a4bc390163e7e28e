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

/** What is on its way, and what it is sent with. */
interface State extends Pick<DeliveriesParts, 'store' | 'clock' | 'faults' | 'scheduler' | 'defaultSecret'> {
  readonly sender: ReturnType<typeof createWebhookSender>;
  readonly lanes: Map<string, Lane>;
  readonly active: Set<Delivery>;
  /** Retries that are near. */
  readonly soon: Set<Delivery>;
  readonly timers: Set<NodeJS.Timeout>;
  waiting: { readonly includesSoon: boolean; readonly resolve: () => void }[];
  defaultUrl: string | undefined;
  /** Counts how often all was forgotten: an answer from before changes nothing. */
  epoch: number;
  /** How many rows are stored. */
  kept: number;
}

const MOST_IN_FLIGHT = 50;
const MOST_ATTEMPTS = 16;
const LONGEST_RETRY_MS = 12 * 60 * 60 * 1_000;
const SOON_MS = 5_000;
const HELD_MS = 250;
const MOST_KEPT = 20_000;

/** Retries after 1, 2, 4 … seconds of the sandbox's clock, 12 hours at most (Stripe retries for up to three days). */
const retryDelayMs = (attempts: number): number => Math.min(1_000 * 2 ** (attempts - 1), LONGEST_RETRY_MS);

const wake = (state: State): void => {
  const isDone = (includesSoon: boolean): boolean =>
    state.active.size === 0 && (!includesSoon || state.soon.size === 0);
  const done = state.waiting.filter(({ includesSoon }) => isDone(includesSoon));
  if (done.length === 0) return;
  state.waiting = state.waiting.filter(({ includesSoon }) => !isDone(includesSoon));
  for (const { resolve } of done) resolve();
};

const later = (state: State, ms: number, run: () => void): void => {
  const timer = setTimeout(() => {
    state.timers.delete(timer);
    run();
  }, ms);
  state.timers.add(timer);
};

const laneOf = (state: State, delivery: Delivery): Lane => {
  const key = `${partitionOf(delivery)}|${delivery.endpoint}`;
  let lane = state.lanes.get(key);
  if (!lane) {
    lane = { queue: [], held: [], inFlight: 0, started: 0 };
    state.lanes.set(key, lane);
  }
  return lane;
};

const save = (state: State, delivery: Delivery): void => state.store.put(OWN_PARTITION, deliveryRows, delivery);

const secretOf = (state: State, delivery: Delivery): string =>
  delivery.endpoint === 'default'
    ? state.defaultSecret
    : (state.store.get(partitionOf(delivery), webhookSecrets, delivery.endpoint)?.secret ?? state.defaultSecret);

/** Where it goes now: an address may have changed since, and a deleted endpoint gets nothing more. */
const addressOf = (state: State, delivery: Delivery): string | undefined =>
  delivery.endpoint === 'default'
    ? (state.defaultUrl ?? delivery.url)
    : state.store.get(partitionOf(delivery), webhookEndpoints, delivery.endpoint)?.url;

const giveUp = (state: State, delivery: Delivery): void => {
  delivery.status = 'failed';
  delivery.nextAttemptMs = null;
  save(state, delivery);
};

const succeed = (state: State, delivery: Delivery): void => {
  if (delivery.status === 'succeeded') {
    save(state, delivery);
    return;
  }
  delivery.status = 'succeeded';
  delivery.nextAttemptMs = null;
  state.soon.delete(delivery);
  save(state, delivery);
  const event = state.store.get(partitionOf(delivery), events, delivery.event);
  if (!event || event.pending_webhooks === 0) return;
  event.pending_webhooks -= 1;
  state.store.put(partitionOf(delivery), events, event);
};

const waitForRetry = (state: State, delivery: Delivery): void => {
  const atMs = delivery.nextAttemptMs ?? state.clock.nowMs();
  if (atMs - state.clock.nowMs() <= SOON_MS) state.soon.add(delivery);
  const started = state.epoch;
  state.scheduler().at(atMs, () => {
    if (started !== state.epoch || delivery.status !== 'pending') return;
    delivery.nextAttemptMs = null;
    enqueue(state, delivery);
  });
};

const fail = (state: State, delivery: Delivery): void => {
  if (delivery.status === 'succeeded') {
    save(state, delivery);
    return;
  }
  if (delivery.attempts.length >= MOST_ATTEMPTS) {
    delivery.status = 'failed';
    delivery.nextAttemptMs = null;
  } else {
    delivery.status = 'pending';
    delivery.nextAttemptMs = state.clock.nowMs() + retryDelayMs(delivery.attempts.length);
    waitForRetry(state, delivery);
  }
  save(state, delivery);
};

const attempt = async (state: State, delivery: Delivery): Promise<void> => {
  const started = state.epoch;
  const event = state.store.get(partitionOf(delivery), events, delivery.event);
  const address = addressOf(state, delivery);
  if (!event || address === undefined) {
    giveUp(state, delivery);
    return;
  }
  const refusal = state.faults.takeForEvent(delivery.type, ['status', 'timeout']);
  const atMs = Date.now();
  let sent = { status: refusal?.status ?? null, body: '', error: null as string | null };
  if (refusal?.kind !== 'status') {
    const payload = JSON.stringify({ ...publicEvent(event), api_version: delivery.apiVersion }, null, 2);
    const seconds = Math.floor(state.clock.realMs() / 1_000);
    sent = await state.sender.post(
      address,
      payload,
      signatureHeader(payload, secretOf(state, delivery), seconds, delivery.livemode),
    );
  }
  if (started !== state.epoch) return;
  if (refusal?.kind === 'timeout') sent = { status: null, body: '', error: 'timed out (fault)' };
  delivery.attempts.push({ atMs, ...sent, durationMs: Date.now() - atMs });
  if (sent.status !== null && sent.status >= 200 && sent.status < 300) succeed(state, delivery);
  else fail(state, delivery);
};

const release = (state: State, lane: Lane, isDue: (since: number) => boolean): void => {
  const due = lane.held.filter(({ since }) => isDue(since));
  lane.held = lane.held.filter(({ since }) => !isDue(since));
  for (const { delivery } of due) launch(state, delivery, lane);
};

const send = async (state: State, delivery: Delivery, lane: Lane, turn: number): Promise<void> => {
  const started = state.epoch;
  const twice = state.faults.takeForEvent(delivery.type, ['duplicate']) !== undefined;
  await Promise.all(twice ? [attempt(state, delivery), attempt(state, delivery)] : [attempt(state, delivery)]);
  if (started !== state.epoch) return;
  state.active.delete(delivery);
  lane.inFlight -= 1;
  release(state, lane, (since) => since < turn);
  pump(state, lane);
};

const launch = (state: State, delivery: Delivery, lane: Lane): void => {
  lane.inFlight += 1;
  lane.started += 1;
  const turn = lane.started;
  const delay = state.faults.takeForEvent(delivery.type, ['delay']);
  if (delay) later(state, delay.delayMs, () => void send(state, delivery, lane, turn));
  else void send(state, delivery, lane, turn);
};

const start = (state: State, delivery: Delivery, lane: Lane): void => {
  if (state.faults.takeForEvent(delivery.type, ['drop'])) {
    delivery.status = 'dropped';
    delivery.nextAttemptMs = null;
    save(state, delivery);
    state.active.delete(delivery);
    return;
  }
  if (state.faults.takeForEvent(delivery.type, ['reorder'])) {
    // It goes after the next one that is answered, or by itself when no other comes.
    const since = lane.started;
    lane.held.push({ delivery, since });
    later(state, HELD_MS, () => release(state, lane, (at) => at === since));
    return;
  }
  launch(state, delivery, lane);
};

const pump = (state: State, lane: Lane): void => {
  while (lane.inFlight < MOST_IN_FLIGHT) {
    const next = lane.queue.shift();
    if (!next) break;
    start(state, next, lane);
  }
  wake(state);
};

const enqueue = (state: State, delivery: Delivery): void => {
  state.soon.delete(delivery);
  state.active.add(delivery);
  const lane = laneOf(state, delivery);
  lane.queue.push(delivery);
  const started = state.epoch;
  setImmediate(() => {
    if (started === state.epoch) pump(state, lane);
  });
};

const forgetOldest = (state: State): void => {
  if (++state.kept <= MOST_KEPT) return;
  for (const old of state.store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' })) {
    if (old.status === 'pending') continue;
    state.store.delete(OWN_PARTITION, deliveryRows, old.id);
    state.kept -= 1;
    return;
  }
};

const targets = (state: State, scope: Scope, type: string): Target[] => {
  const found: Target[] =
    state.defaultUrl === undefined ? [] : [{ endpoint: 'default', url: state.defaultUrl, apiVersion: API_VERSION }];
  for (const endpoint of state.store.walk(partitionOf(scope), webhookEndpoints, { direction: 'newer' })) {
    const isWanted = endpoint.enabled_events.includes('*') || endpoint.enabled_events.includes(type);
    if (endpoint.status === 'enabled' && isWanted)
      found.push({ endpoint: endpoint.id, url: endpoint.url, apiVersion: endpoint.api_version ?? API_VERSION });
  }
  return found;
};

const publish = (state: State, scope: Scope, event: EventRow, to: readonly Target[]): void => {
  for (const target of to) {
    forgetOldest(state);
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
    save(state, delivery);
    enqueue(state, delivery);
  }
};

const whenDone = (state: State, includesSoon: boolean): Promise<void> =>
  new Promise((resolve) => {
    state.waiting.push({ includesSoon, resolve });
    wake(state);
  });

const clear = (state: State): void => {
  state.epoch += 1;
  state.kept = 0;
  state.lanes.clear();
  state.active.clear();
  state.soon.clear();
  for (const timer of state.timers) clearTimeout(timer);
  state.timers.clear();
  wake(state);
};

const initialState = ({ store, clock, faults, scheduler, defaultUrl, defaultSecret }: DeliveriesParts): State => ({
  store,
  clock,
  faults,
  scheduler,
  defaultUrl,
  defaultSecret,
  sender: createWebhookSender(),
  lanes: new Map(),
  active: new Set(),
  soon: new Set(),
  timers: new Set(),
  waiting: [],
  epoch: 0,
  kept: 0,
});

/** Takes up what was pending before a restart. */
const resume = (state: State): void => {
  for (const delivery of state.store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' })) {
    state.kept += 1;
    if (delivery.status !== 'pending') continue;
    if (delivery.nextAttemptMs === null) enqueue(state, delivery);
    else waitForRetry(state, delivery);
  }
};

/** Deliveries start in the order of their events, per endpoint, up to 50 at a time. */
export const createDeliveries = (parts: DeliveriesParts): Deliveries => {
  const state = initialState(parts);
  return {
    targets: (scope, type) => targets(state, scope, type),
    publish: (scope, event, to) => publish(state, scope, event, to),
    setDefaultUrl: (url) => {
      state.defaultUrl = url;
    },
    list: () => state.store.walk(OWN_PARTITION, deliveryRows, { direction: 'newer' }),
    find: (id) => state.store.get(OWN_PARTITION, deliveryRows, id),
    resend: (id) => {
      const delivery = state.store.get(OWN_PARTITION, deliveryRows, id);
      if (delivery && !state.active.has(delivery)) enqueue(state, delivery);
    },
    resendEvent: (scope, event, apiVersion) => {
      const to = targets(state, scope, event.type).map((target) => (apiVersion ? { ...target, apiVersion } : target));
      publish(state, scope, event, to);
      return to;
    },
    idle: () => whenDone(state, false),
    settled: () => whenDone(state, true),
    resume: () => resume(state),
    clear: () => clear(state),
    close: () => {
      clear(state);
      state.sender.close();
    },
  };
};
