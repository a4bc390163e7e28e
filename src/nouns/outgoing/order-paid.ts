import type { Order, Orders } from '../../orders/orders.js';
import type { Database, Tx } from '../../storage/database.js';
import { claimOrders, lockUntold, lookLater, sumBrought, tellPaid } from './rows.js';

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  readonly log: { warn(detail: object, message?: string): void };
}

interface Brought {
  readonly currency: string;
  readonly brought: number;
}

const AT_ONCE = 50;

/** Whether it is what the order costs; an order whose table has no amount is paid by its first success. */
const covers = ({ currency, brought }: Brought, { amount, currency: own }: Order): boolean => {
  if (amount === undefined) return true;
  return amount !== null && brought >= Number(amount) && (own == null || own === currency);
};

const look = async (tx: Tx, orderId: string, order: Order | undefined): Promise<void> => {
  // Who pays meanwhile waits, or has paid before the sums are read.
  if ((await tx.query(lockUntold(orderId))).length === 0) return;
  const sums = await tx.query<Brought>(sumBrought(orderId));
  const paid = order && sums.find((one) => covers(one, order));
  if (!paid) return tx.send(lookLater(orderId));
  tx.send(tellPaid(orderId, { orderId, amount: paid.brought, currency: paid.currency }));
};

/**
 * Finds orders whose payments brought what they cost, and tells each once: the first time, whatever is refunded later. Every process may
 * run it.
 */
export const createOrderPaid = (parts: Parts) => async (): Promise<void> => {
  const { database, orders, log } = parts;
  for (const { orderId } of await database.query<{ orderId: string }>(claimOrders(AT_ONCE)))
    await orders
      .find(orderId)
      .then((order) => database.transaction((tx) => look(tx, orderId, order)))
      .catch((error: unknown) => log.warn({ err: error, orderId }, 'whether an order is paid is seen later'));
};
