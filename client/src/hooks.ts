import { useMemo, useState, useSyncExternalStore } from 'react';
import type { Client } from './client.js';
import { type TollgateError, toTollgateError } from './errors.js';
import type { Connection } from './live.js';
import type { SavedPaymentMethod } from './methods.js';
import type { PayInput } from './operations.js';
import { continuePayment, type PayAnswer, type Payment, pay } from './payments.js';
import { useSurroundings } from './provider.js';
import type { RecurringPayment } from './recurring.js';
import type { Dispute, Refund } from './refunds.js';
import {
  disputesStore,
  type MethodsStore,
  methodsStore,
  orderStore,
  paymentStore,
  type Read,
  type Rows,
  recurringStore,
  refundsStore,
  type Store,
} from './stores.js';

const NOTHING: Rows<never> = { rows: [], isKnown: false, error: undefined };
const NO_STORE: Store<Rows<never>> = { get: () => NOTHING, subscribe: () => () => undefined };

/** What a store holds, also while a server renders: its first state then. */
export const useStore = <State>(store: Store<State>): State =>
  useSyncExternalStore(store.subscribe, store.get, store.get);

const useRows = <Row>(make: (client: Client, key: string) => Store<Rows<Row>>, key: string | undefined): Rows<Row> => {
  const { client } = useSurroundings();
  const store = useMemo(() => (key === undefined ? NO_STORE : make(client, key)), [client, make, key]);
  return useStore<Rows<Row>>(store);
};

/** The client of the nearest provider. */
export const useTollgate = (): Client => useSurroundings().client;

/** One payment, live; `undefined` watches nothing. Components that watch the same row share one subscription. */
export const usePayment = (id: string | undefined): Rows<Payment> => useRows(paymentStore, id);

/** All payments of an order, live. */
export const useOrderPayments = (orderId: string | undefined): Rows<Payment> => useRows(orderStore, orderId);

/** All refunds of a payment, live. */
export const useRefunds = (paymentId: string | undefined): Rows<Refund> => useRows(refundsStore, paymentId);

/** All disputes of a payment, live; needs DISPUTE_READ. */
export const useDisputes = (paymentId: string | undefined): Rows<Dispute> => useRows(disputesStore, paymentId);

/** One recurring payment with its payments, live. */
export const useRecurringPayment = (id: string | undefined): Rows<RecurringPayment> => useRows(recurringStore, id);

/** The caller's saved methods, with the ways to change them. */
export const useSavedPaymentMethods = (): Read<readonly SavedPaymentMethod[]> &
  Pick<MethodsStore, 'reload' | 'remove' | 'setDefault'> => {
  const { client } = useSurroundings();
  const store = useMemo(() => methodsStore(client), [client]);
  const { reload, remove, setDefault } = store;
  return { ...useStore(store), reload, remove, setDefault };
};

/** How the socket is. */
export const useConnection = (client: Pick<Client, 'connection'>): Connection =>
  useSyncExternalStore(client.connection.onChange, client.connection.current, client.connection.current);

/** Something a person sets off, and how it went. */
export interface Action {
  /** Does nothing while it is still under way, so a double click asks once. */
  run(): void;
  readonly busy: boolean;
  /** Why the last run failed. */
  readonly error: TollgateError | undefined;
}

/** Wraps work that a button or a form starts. */
export const useAction = (work: () => Promise<unknown>): Action => {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<TollgateError>();
  const run = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (thrown) {
      setError(toTollgateError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { run: () => void run(), busy, error };
};

/** Paying, for a form of your own. */
export interface Paying {
  /** Begins, or goes on with the order's open payment. Rejects as `pay` does. */
  pay(input: PayInput): Promise<PayAnswer>;
  /** A fresh client secret or checkout address for an open payment. */
  resume(id: string): Promise<PayAnswer>;
  /** What was answered last. */
  readonly answer: PayAnswer | undefined;
  /** Forgets the answer. */
  reset(): void;
}

/** Begins payments and keeps the last answer. */
export const usePay = (): Paying => {
  const { client } = useSurroundings();
  const [answer, setAnswer] = useState<PayAnswer>();
  const keep = async (asked: Promise<PayAnswer>): Promise<PayAnswer> => {
    const given = await asked;
    setAnswer(given);
    return given;
  };
  return {
    pay: (input) => keep(pay(client, input)),
    resume: (id) => keep(continuePayment(client, id)),
    answer,
    reset: () => setAnswer(undefined),
  };
};
