import type { Caller } from '../../src/core/caller.js';
import type { Permission } from '../../src/core/permissions.js';
import { Payment } from '../../src/nouns/payments/row.js';
import type { LivePayments } from '../../src/nouns/payments/watch.js';
import { ORDER_KEYS } from '../../src/orders/orders.js';
import { createDatabase } from '../../src/storage/database.js';
import { selectList } from '../../src/storage/select-list.js';
import { createTestDatabase } from '../harness/postgres.js';

/** Payments in a real table, written without Stripe, with what live status reads of them. */
export interface PaymentStore extends LivePayments {
  /** Number of queries so far. */
  reads(): number;
  /** Commits a new payment of the order and gives the row. */
  insert(orderId: string, accountId: string | null): Promise<Payment>;
  /** Commits a new version and gives the row. */
  bump(id: string): Promise<Payment>;
  close(): Promise<void>;
}

const COLUMNS = selectList(Payment, 'p');

/** Orders with an even key belong to `bob`, the others to `alice`; orders from 1,000,000 on don't exist. */
const ownerOf = (orderId: string): string | undefined => {
  if (Number(orderId) < 0 || Number(orderId) >= 1_000_000) return undefined;
  return Number(orderId) % 2 === 0 ? 'bob' : 'alice';
};

export const createPaymentStore = async (): Promise<PaymentStore> => {
  const { url, drop } = await createTestDatabase();
  const database = createDatabase({ url, poolSize: 4 });
  let reads = 0;
  const read = <Row extends object>(text: string, values: unknown[]): Promise<Row[]> => {
    reads += 1;
    return database.query<Row>({ text, values });
  };
  const write = async (text: string, values: unknown[]): Promise<Payment> => {
    const [row] = await database.query<Payment>({ text, values });
    if (!row) throw new Error('Nothing was written.');
    return row;
  };

  return {
    reads: () => reads,
    readMany: (ids) => read<Payment>(`select ${COLUMNS} from tollgate.payment p where p.id = any($1)`, [ids]),
    readOfOrder: (orderId) =>
      read<Payment>(`select ${COLUMNS} from tollgate.payment p where p.order_id = $1 order by p.id`, [orderId]),
    versionsOf: (ids, orderIds) =>
      read(
        `select p.id::text as id, p.order_id::text as "orderId", p.version from tollgate.payment p
          where p.id = any($1) or p.order_id = any($2)`,
        [ids, orderIds],
      ),
    changedLast: () => read(`select id::text as id, order_id::text as "orderId", version from tollgate.payment`, []),
    async findWatchable(orderId, caller) {
      reads += 1;
      const key = ORDER_KEYS.bigint(orderId);
      const owner = key && ownerOf(key);
      const mayWatch = caller.permissions.has('PAYMENT_READ_ANY') || caller.accountId === owner;
      return owner !== undefined && mayWatch ? key : undefined;
    },
    // SUCCESSFUL: an order has one open payment at most.
    insert: (orderId, accountId) =>
      write(
        `insert into tollgate.payment as p (order_id, account_id, amount, currency, status, livemode, stripe_account)
          values ($1, $2, 10000, 'USD', 'SUCCESSFUL', false, 'acct_test') returning ${COLUMNS}`,
        [orderId, accountId],
      ),
    bump: (id) =>
      write(
        `update tollgate.payment p set version = version + 1, updated_at = now() where id = $1 returning ${COLUMNS}`,
        [id],
      ),
    async close() {
      await database.close();
      await drop();
    },
  };
};

export const callerOf = (accountId: string | null, ...permissions: Permission[]): Caller => ({
  accountId,
  roles: [],
  permissions: new Set(permissions),
});

/** Asks as this caller, always. */
export const as = (accountId: string, ...more: Permission[]) => {
  const caller = callerOf(accountId, 'PUBLIC', 'PAYMENT_READ', ...more);
  return async (): Promise<Caller> => caller;
};
