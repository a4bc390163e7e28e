import { useEffect, useState, useSyncExternalStore } from 'react';
import { type TollgateError, toTollgateError } from './errors.js';
import type { Connection } from './live.js';
import type { Versioned } from './row-stream.js';
import type { Payment, RecurringPayment, Refund, Tollgate } from './tollgate.js';

/** What a hook knows so far. */
export interface Watched<Row> {
  /** Each row in its newest version, oldest row first. */
  readonly rows: readonly Row[];
  /** Why the stream ended, if it did. */
  readonly error: TollgateError | undefined;
}

/** Watches while the component is there; `key` names what is watched, undefined watches nothing. */
const useWatched = <Row extends Versioned>(
  tollgate: Tollgate,
  key: string | undefined,
  watch: (tollgate: Tollgate, key: string) => AsyncIterableIterator<Row>,
): Watched<Row> => {
  const [state, setState] = useState<Watched<Row> & { key?: string | undefined }>(NOTHING);
  // `watch` is a constant of each hook below.
  useEffect(() => {
    if (key === undefined) return;
    const stream = watch(tollgate, key);
    const read = async (): Promise<void> => {
      const rows = new Map<string, Row>();
      let error: TollgateError | undefined;
      try {
        for await (const row of stream) {
          rows.set(row.id, row);
          setState({ key, rows: [...rows.values()].sort(byId), error });
        }
      } catch (thrown) {
        error = toTollgateError(thrown);
        setState({ key, rows: [...rows.values()].sort(byId), error });
      }
    };
    void read();
    return () => void stream.return?.();
  }, [tollgate, key]);
  return state.key === key ? state : NOTHING;
};

const NOTHING = { rows: [], error: undefined };

const byId = (a: Versioned, b: Versioned): number => Number(a.id) - Number(b.id);

const watchPayment = (tollgate: Tollgate, id: string) => tollgate.watchPayment(id);
const watchOrder = (tollgate: Tollgate, orderId: string) => tollgate.watchOrder(orderId);
const watchRefunds = (tollgate: Tollgate, paymentId: string) => tollgate.watchRefunds(paymentId);
const watchRecurring = (tollgate: Tollgate, id: string) => tollgate.watchRecurringPayment(id);

/** One payment, live. */
export const usePayment = (tollgate: Tollgate, id: string | undefined): Watched<Payment> =>
  useWatched(tollgate, id, watchPayment);

/** All payments of an order, live. */
export const useOrderPayments = (tollgate: Tollgate, orderId: string | undefined): Watched<Payment> =>
  useWatched(tollgate, orderId, watchOrder);

/** All refunds of a payment, live. */
export const useRefunds = (tollgate: Tollgate, paymentId: string | undefined): Watched<Refund> =>
  useWatched(tollgate, paymentId, watchRefunds);

/** One recurring payment with its payments, live. */
export const useRecurringPayment = (tollgate: Tollgate, id: string | undefined): Watched<RecurringPayment> =>
  useWatched(tollgate, id, watchRecurring);

/** How the socket is. */
export const useConnection = ({ connection }: Tollgate): Connection =>
  useSyncExternalStore(connection.onChange, connection.current);
