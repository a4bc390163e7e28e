import type { Caller } from '../../src/core/caller.js';
import type { Permission } from '../../src/core/permissions.js';
import type { FlowLog } from '../../src/flows/flows.js';
import type { FlowSubject } from '../../src/flows/owed.js';
import type { Cause } from '../../src/nouns/payments/decide.js';
import type { Payment } from '../../src/nouns/payments/row.js';
import { PAYMENT_COLUMNS } from '../../src/nouns/payments/rows.js';
import type { RecurringPayment } from '../../src/nouns/recurring/row.js';
import { RECURRING_COLUMNS, readRecurring } from '../../src/nouns/recurring/rows.js';
import { createOrders, type Orders } from '../../src/orders/orders.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { type BedOptions, openTestBed, type TestBed } from './tollgate.js';

/** For what decides under locks, called without a server: a database whose rows are written and read directly. */
export interface Ledger {
  readonly bed: TestBed;
  readonly database: Database;
  readonly orders: Orders;
  /** A payment of 100.00 USD of a new order that waits for its customer; columns by their names. */
  addPayment(columns?: Readonly<Record<string, unknown>>): Promise<Payment>;
  /** The payment as it is now. */
  readPayment(payment: Pick<Payment, 'id'>): Promise<Payment>;
  /** A recurring payment of 100.00 USD a period, of a new order, that has begun; columns by their names. */
  addRecurring(columns?: Readonly<Record<string, unknown>>): Promise<RecurringPayment>;
  /** A dispute of all of the payment's money, which has taken it. */
  addDispute(payment: Pick<Payment, 'id'>): Promise<void>;
  /** The flow has failed so often, for this row and status, that the next one is owed. */
  failFlow(of: Pick<FlowSubject, 'flow' | 'nodeType' | 'nodeId' | 'toStatus' | 'orderId'>): Promise<void>;
  /** The recurring payment as it is now. */
  readRecurring(recurring: Pick<RecurringPayment, 'id'>): Promise<RecurringPayment>;
  close(): Promise<void>;
}

/** The keys of a ledger's payments. */
export const KEYS = { livemode: false, account: 'acct_1' };

/** Who asks, with these rights; null: nobody. */
export const callerOf = (accountId: string | null, ...permissions: readonly Permission[]): Caller => ({
  accountId,
  roles: [],
  permissions: new Set(permissions),
});

/** What an event brought, and what Stripe answered. */
export const EVENT = {
  actor: 'stripe',
  eventId: 'evt_1',
  body: { source: 'EVENT', object: {} },
  current: false,
} as const satisfies Cause;
export const ANSWER = { actor: 'job', body: { source: 'FETCH', object: {} }, current: true } as const satisfies Cause;

/** A flow that keeps what it is told, or throws. */
export interface ToldFlow<Data> {
  calls: Data[];
  fails: boolean;
  run(data: Data): void;
}

/** Makes one that was told nothing yet. */
export const createToldFlow = <Data>(): ToldFlow<Data> => {
  const flow: ToldFlow<Data> = {
    calls: [],
    fails: false,
    run(data) {
      if (flow.fails) throw new Error('no more hats');
      flow.calls.push(data);
    },
  };
  return flow;
};

/** Nobody reads what flows say. */
export const NO_LOG: FlowLog = { info: () => undefined, warn: () => undefined };

const only = <Row>([row]: readonly Row[]): Row => {
  if (row === undefined) throw new Error('There is no such row.');
  return row;
};

/** Opens one over a bed of its own. */
export const openLedger = async (options?: BedOptions): Promise<Ledger> => {
  const bed = await openTestBed(options);
  const database = createDatabase({ url: bed.database.url, poolSize: 4 });
  /** Inserts a row of a new order, with these columns otherwise. */
  const insert = async <Row extends object>(
    into: string,
    given: Readonly<Record<string, unknown>>,
    returning: string,
  ): Promise<Row> => {
    const columns = {
      order_id: given['order_id'] ?? (await bed.createOrder()),
      currency: 'USD',
      livemode: KEYS.livemode,
      stripe_account: KEYS.account,
      ...given,
    };
    const names = Object.keys(columns);
    const rows = await database.query<Row>({
      text: `insert into ${into} (${names.join(', ')}) values (${names.map((_, at) => `$${at + 1}`).join(', ')})
        returning ${returning}`,
      values: Object.values(columns),
    });
    return only(rows);
  };
  return {
    bed,
    database,
    orders: createOrders(database),
    addPayment: (given) => insert<Payment>('tollgate.payment as p', { amount: 10_000, ...given }, PAYMENT_COLUMNS),
    async readPayment({ id }) {
      const text = `select ${PAYMENT_COLUMNS} from tollgate.payment p where id = $1`;
      return only(await database.query<Payment>({ text, values: [id] }));
    },
    addRecurring(given) {
      const columns = {
        account_id: 'customer',
        price_id: 'price_1',
        status: 'ACTIVE',
        initial_amount: 10_000,
        ...given,
      };
      return insert<RecurringPayment>('tollgate.recurring_payment as r', columns, RECURRING_COLUMNS);
    },
    async failFlow({ flow, nodeType, nodeId, toStatus, orderId }) {
      await database.query({
        text: `insert into tollgate.flow_failure (flow, node_type, node_id, to_status, order_id, tries, error)
          values ($1, $2, $3, $4, $5, 3, 'no more hats')`,
        values: [flow, nodeType, nodeId, toStatus, orderId],
      });
    },
    async addDispute({ id }) {
      await database.query({
        text: `insert into tollgate.dispute (payment_id, amount, currency, livemode, stripe_account, stripe_dispute_id, status,
            reason, is_refundable, seen_at)
          select id, amount, currency, livemode, stripe_account, 'dp_' || id, 'NEEDS_RESPONSE', 'fraudulent', false, now()
          from tollgate.payment where id = $1`,
        values: [id],
      });
    },
    readRecurring: async ({ id }) => only(await database.query<RecurringPayment>(readRecurring(id))),
    async close() {
      await database.close();
      await bed.close();
    },
  };
};
