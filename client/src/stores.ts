import type { Client } from './client.js';
import { type TollgateError, toTollgateError } from './errors.js';
import {
  removePaymentMethod,
  type SavedPaymentMethod,
  savedPaymentMethods,
  setDefaultPaymentMethod,
  stripeSettings,
} from './methods.js';
import type { SetDefaultPaymentMethodInput, StripeSettingsQuery } from './operations.js';
import { type Payment, watchOrder, watchPayment } from './payments.js';
import { type RecurringPayment, recurringPayments, watchRecurringPayment } from './recurring.js';
import { type Dispute, type Refund, watchDisputes, watchRefunds } from './refunds.js';
import type { RowStream, Versioned } from './row-stream.js';

/** Something that changes: its present value, and a call at each change. What React, Vue and Svelte are given. */
export interface Store<State> {
  /** The same object until something changed. */
  get(): State;
  /** Calls back at each change; gives the way to stop. */
  subscribe(listener: () => void): () => void;
}

/** What is known of the rows that are watched. */
export interface Rows<Row> {
  /** Each row in its newest version, oldest row first. */
  readonly rows: readonly Row[];
  /** Whether the server was heard: no rows then means that there are none. */
  readonly isKnown: boolean;
  /** Why the stream ended, if it did. */
  readonly error: TollgateError | undefined;
}

/** What was read once, and what it may have failed with. */
export interface Read<Value> {
  readonly value: Value | undefined;
  readonly error: TollgateError | undefined;
}

interface Source<State, Feed extends Running> {
  state: State;
  readonly listeners: Set<() => void>;
  feed?: Feed;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** What feeds a source. */
interface Running {
  /** Called after the last listener has gone. */
  stop(): void;
  /** Called when a listener comes back to a source that had none any more. */
  resume?(): void;
}

/** A component that is put away and put back, as in React's StrictMode, keeps its stream. */
const LINGER_MS = 1_000;

const WAITING: Rows<never> = { rows: [], isKnown: false, error: undefined };
const UNREAD: Read<never> = { value: undefined, error: undefined };

interface Shared<State, Feed extends Running> {
  readonly client: Client;
  readonly key: string;
  readonly initial: State;
  /** Begins when the first listener comes. */
  readonly start: (source: { readonly set: (next: State) => void; readonly get: () => State }) => Feed;
}

/** A store that all who ask for the same key share. Making one begins nothing, so that rendering may throw it away. */
const createShared = <State, Feed extends Running>({
  client,
  key,
  initial,
  start,
}: Shared<State, Feed>): Store<State> & { running(): Feed | undefined } => {
  const find = () => client.shared.get(key) as Source<State, Feed> | undefined;
  const change = (source: Source<State, Feed>, next: State): void => {
    source.state = next;
    for (const listener of [...source.listeners]) listener();
  };
  const begin = (): Source<State, Feed> => {
    const source: Source<State, Feed> = { state: initial, listeners: new Set() };
    client.shared.set(key, source);
    source.feed = start({ set: (next) => change(source, next), get: () => source.state });
    return source;
  };
  return {
    running: () => find()?.feed,
    get: () => find()?.state ?? initial,
    subscribe: (listener) => {
      const known = find();
      const source = known ?? begin();
      const call = (): void => listener();
      clearTimeout(source.timer);
      source.listeners.add(call);
      if (known && source.listeners.size === 1) source.feed?.resume?.();
      return () => {
        source.listeners.delete(call);
        if (source.listeners.size > 0) return;
        source.timer = setTimeout(() => {
          if (source.listeners.size > 0) return;
          source.feed?.stop();
          if (find() === source) client.shared.delete(key);
        }, LINGER_MS);
      };
    },
  };
};

const byId = (a: Versioned, b: Versioned): number => Number(a.id) - Number(b.id);

const rowStore = <Row extends Versioned>(client: Client, key: string, watch: () => RowStream<Row>): Store<Rows<Row>> =>
  createShared<Rows<Row>, Running>({
    client,
    key,
    initial: WAITING,
    start: ({ set }) => {
      const stream = watch();
      const rows = new Map<string, Row>();
      let isStopped = false;
      const tell = (error?: TollgateError): void => {
        if (!isStopped) set({ rows: [...rows.values()].sort(byId), isKnown: true, error });
      };
      const read = async (): Promise<void> => {
        try {
          for await (const row of stream) {
            rows.set(row.id, row);
            tell();
          }
        } catch (thrown) {
          tell(toTollgateError(thrown));
        }
      };
      void read();
      void stream.ready.then(() => rows.size === 0 && tell());
      return {
        stop() {
          isStopped = true;
          void stream.return?.();
        },
      };
    },
  });

/** One payment, live. */
export const paymentStore = (client: Client, id: string): Store<Rows<Payment>> =>
  rowStore(client, `payment ${id}`, () => watchPayment(client, id));

/** All payments of an order, live. */
export const orderStore = (client: Client, orderId: string): Store<Rows<Payment>> =>
  rowStore(client, `order ${orderId}`, () => watchOrder(client, orderId));

/** All refunds of a payment, live. */
export const refundsStore = (client: Client, paymentId: string): Store<Rows<Refund>> =>
  rowStore(client, `refunds ${paymentId}`, () => watchRefunds(client, paymentId));

/** All disputes of a payment, live. */
export const disputesStore = (client: Client, paymentId: string): Store<Rows<Dispute>> =>
  rowStore(client, `disputes ${paymentId}`, () => watchDisputes(client, paymentId));

/** One recurring payment with its payments, live. */
export const recurringStore = (client: Client, id: string): Store<Rows<RecurringPayment>> =>
  rowStore(client, `recurring ${id}`, () => watchRecurringPayment(client, id));

interface Reading<Value> extends Running {
  /** Reads again; of several answers only the newest asked for is shown, and what was known stays where it fails. */
  load(): Promise<void>;
  /** Shows what another call has answered. */
  take(value: Value): void;
}

/** What no stream tells: read for the first listener, and again for one that comes after all had gone. */
const readStore = <Value>(client: Client, key: string, read: () => Promise<Value>) => {
  const { running, ...store } = createShared<Read<Value>, Reading<Value>>({
    client,
    key,
    initial: UNREAD,
    start: ({ set, get }) => {
      let newest = 0;
      const load = async (): Promise<void> => {
        newest += 1;
        const asked = newest;
        const next: Read<Value> = await read().then(
          (value) => ({ value, error: undefined }),
          (thrown: unknown) => ({ value: get().value, error: toTollgateError(thrown) }),
        );
        if (asked === newest) set(next);
      };
      void load();
      return {
        load,
        take(value) {
          newest += 1;
          set({ value, error: undefined });
        },
        stop() {
          newest += 1;
        },
        resume() {
          if (get() !== UNREAD) void load();
        },
      };
    },
  });
  return {
    ...store,
    take: (value: Value) => running()?.take(value),
    reload: async () => running()?.load(),
  };
};

/** The caller's saved methods, with the ways to change them. */
export interface MethodsStore extends Store<Read<readonly SavedPaymentMethod[]>> {
  /** Reads them again: there are no events for what happens in Stripe's portal. */
  reload(): Promise<void>;
  remove(id: string): Promise<void>;
  setDefault(input: SetDefaultPaymentMethodInput): Promise<void>;
}

/** The caller's saved methods, read when a listener comes and none was there, and at each `reload`. */
export const methodsStore = (client: Client): MethodsStore => {
  const { take, ...store } = readStore(client, 'methods', () => savedPaymentMethods(client));
  return {
    ...store,
    remove: async (id) => take(await removePaymentMethod(client, id)),
    setDefault: async (input) => take(await setDefaultPaymentMethod(client, input)),
  };
};

/** Whether Stripe or a sandbox takes the cards, and with which key. */
export const stripeStore = (client: Client): Store<Read<StripeSettingsQuery>> & { reload(): Promise<void> } =>
  readStore(client, 'stripe', () => stripeSettings(client));

/** The newest recurring payment that was started for an order, read once; null: there is none. */
export const recurringOfOrderStore = (client: Client, orderId: string): Store<Read<RecurringPayment | null>> =>
  readStore(
    client,
    `recurring of ${orderId}`,
    async () => (await recurringPayments(client, { orderId, first: 1 })).nodes[0] ?? null,
  );
