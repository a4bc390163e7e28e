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

interface Source<State> {
  state: State;
  readonly listeners: Set<() => void>;
  stop: () => void;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** A component that is put away and put back, as in React's StrictMode, keeps its stream. */
const LINGER_MS = 1_000;

const WAITING: Rows<never> = { rows: [], isKnown: false, error: undefined };
const UNREAD: Read<never> = { value: undefined, error: undefined };

interface Shared<State> {
  readonly client: Client;
  readonly key: string;
  readonly initial: State;
  /** Begins when the first listener comes; gives the way to stop, called after the last has gone. */
  readonly start: (set: (next: State) => void) => () => void;
}

/** A store that all who ask for the same key share. Making one begins nothing, so that rendering may throw it away. */
const createShared = <State>({
  client,
  key,
  initial,
  start,
}: Shared<State>): Store<State> & { set(next: State): void } => {
  const find = () => client.shared.get(key) as Source<State> | undefined;
  const change = (source: Source<State>, next: State): void => {
    source.state = next;
    for (const listener of [...source.listeners]) listener();
  };
  const begin = (): Source<State> => {
    const source: Source<State> = { state: initial, listeners: new Set(), stop: () => undefined };
    client.shared.set(key, source);
    source.stop = start((next) => change(source, next));
    return source;
  };
  return {
    get: () => find()?.state ?? initial,
    set: (next) => {
      const source = find();
      if (source) change(source, next);
    },
    subscribe: (listener) => {
      const source = find() ?? begin();
      const call = (): void => listener();
      clearTimeout(source.timer);
      source.listeners.add(call);
      return () => {
        source.listeners.delete(call);
        if (source.listeners.size > 0) return;
        source.timer = setTimeout(() => {
          if (source.listeners.size > 0) return;
          source.stop();
          if (find() === source) client.shared.delete(key);
        }, LINGER_MS);
      };
    },
  };
};

const byId = (a: Versioned, b: Versioned): number => Number(a.id) - Number(b.id);

const rowStore = <Row extends Versioned>(client: Client, key: string, watch: () => RowStream<Row>): Store<Rows<Row>> =>
  createShared<Rows<Row>>({
    client,
    key,
    initial: WAITING,
    start: (set) => {
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
      return () => {
        isStopped = true;
        void stream.return?.();
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

const readStore = <Value>(client: Client, key: string, read: () => Promise<Value>) => {
  const load = async (set: (next: Read<Value>) => void, before: Value | undefined): Promise<void> => {
    try {
      set({ value: await read(), error: undefined });
    } catch (thrown) {
      set({ value: before, error: toTollgateError(thrown) });
    }
  };
  const store = createShared<Read<Value>>({
    client,
    key,
    initial: UNREAD,
    start: (set) => {
      let isStopped = false;
      void load((next) => isStopped || set(next), undefined);
      return () => {
        isStopped = true;
      };
    },
  });
  return { ...store, reload: () => load(store.set, store.get().value) };
};

/** The caller's saved methods, with the ways to change them. */
export interface MethodsStore extends Store<Read<readonly SavedPaymentMethod[]>> {
  /** Reads them again: there are no events for what happens in Stripe's portal. */
  reload(): Promise<void>;
  remove(id: string): Promise<void>;
  setDefault(input: SetDefaultPaymentMethodInput): Promise<void>;
}

/** The caller's saved methods, read when the first listener comes and at each `reload`. */
export const methodsStore = (client: Client): MethodsStore => {
  const { set, ...store } = readStore(client, 'methods', () => savedPaymentMethods(client));
  const take = (value: readonly SavedPaymentMethod[]): void => set({ value, error: undefined });
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
