import pg from 'pg';
import { isOfSameOrder, paidBy, paidPayment } from '../nouns/payments/row.js';
import { findHiddenOrders, findOrderBarriers, type OrderBarrier, tryOrderUpdate } from '../orders/order-access.js';
import { amountSql } from '../orders/order-money.js';
import type { Orders } from '../orders/orders.js';
import type { Database } from '../storage/database.js';
import type { OrderTable } from '../storage/order-binding.js';
import { isForbidden } from '../storage/rights.js';
import { type Check, type CheckOutcome, found, foundAny, ok, warned } from './checks.js';

const SHOWN = 5;

interface Overpaid {
  readonly orderId: string;
  readonly since: Date;
}

interface Parts {
  readonly database: Database;
  readonly orders: Pick<Orders, 'findBinding' | 'amountSql'>;
}

const UNREADABLE = 'ORDER_UNREADABLE';
const UNBOUND = 'no order table is bound';

const unreadable = (barriers: readonly OrderBarrier[], words: string): CheckOutcome =>
  foundAny(
    barriers.map((barrier) => ({ code: UNREADABLE, ...barrier })),
    words,
  );

/** What only doing tells: whether an update reaches its row, and whether payments' orders are seen. */
const tryOrders = async (database: Database, table: OrderTable): Promise<OrderBarrier[]> => [
  ...(await tryOrderUpdate(database, table)),
  ...(await findHiddenOrders(database, table).catch((error: unknown) => {
    if (isForbidden(error)) return []; // the rights are their own line
    throw error;
  })),
];

/** Whether this very role can see, lock and update every order. */
const accessChecks = ({ database, orders }: Parts): Check[] => [
  {
    title: "this role's rights on orders",
    asks: "privileges and policies of the order table, in PostgreSQL's catalogs",
    code: UNREADABLE,
    reach: 'local',
    async run() {
      const binding = await orders.findBinding();
      return binding ? unreadable(await findOrderBarriers(database, binding), 'read, lock, update') : ok(UNBOUND);
    },
  },
  {
    title: 'an order, seen, locked and updated',
    asks: 'one order, in a transaction that is rolled back, and the orders of payments',
    code: UNREADABLE,
    reach: 'scan',
    async run() {
      const binding = await orders.findBinding();
      return binding ? unreadable(await tryOrders(database, binding), 'tried, and taken back') : ok(UNBOUND);
    },
  },
];

/** Whether an order is its owner's alone to pay. */
const ownerCheck = ({ orders }: Pick<Parts, 'orders'>): Check => ({
  title: "the orders' owner",
  asks: 'tollgate.order_binding',
  code: 'ORDERS_WITHOUT_OWNER',
  reach: 'local',
  async run() {
    const binding = await orders.findBinding();
    if (!binding) return ok(UNBOUND);
    if (binding.ownerColumn !== null) return ok(`${binding.ownerColumn}, compared with the caller`);
    return warned('not bound', {
      code: 'ORDERS_WITHOUT_OWNER',
      message: `No owner column of ${binding.tableName} is bound: everyone with the permission PAYMENT_CREATE may pay for any order.`,
      remedy: 'Where orders have owners: npx tollgate activate --add-owner-column <column>',
    });
  },
});

/** Whether orders have amounts that no currency can charge. */
const digitsCheck = ({ database, orders }: Parts): Check => ({
  title: "the orders' amounts",
  asks: 'every order of a table with amounts such as 10.00',
  code: 'ORDER_AMOUNT_UNCHARGEABLE',
  reach: 'scan',
  async run() {
    const binding = await orders.findBinding();
    if (!binding) return ok(UNBOUND);
    const amount = amountSql(binding, 'o');
    if (amount === null || binding.amountUnit !== 'major') return ok('whole smallest units');
    const rows = await database.query<{ id: string }>({
      text: `select o.${pg.escapeIdentifier(binding.idColumn)}::text as "id" from ${binding.tableName} o
        where ${amount} <> trunc(${amount}) limit ${SHOWN + 1}`,
    });
    if (rows.length === 0) return ok('no more digits than their currencies have');
    const some = rows.slice(0, SHOWN).map(({ id }) => id);
    return warned('some have too many digits', {
      code: 'ORDER_AMOUNT_UNCHARGEABLE',
      message: `Orders of ${binding.tableName} have amounts with more digits than their currency: ${some.join(', ')}${rows.length > SHOWN ? ', …' : ''}. pay answers AMOUNT_INVALID for them.`,
      remedy: `Round them in your app, or have the column do it where all currencies have as many: alter table ${binding.tableName} alter column ${pg.escapeIdentifier(binding.amountColumn ?? '')} type numeric(12,2);`,
    });
  },
});

/** Two payments that both went through, or an amount that changed meanwhile. */
const overpaidCheck = ({ database, orders }: Parts): Check => ({
  title: 'overpaid orders',
  asks: "what was received, beside the order's amount",
  code: 'ORDER_OVERPAID',
  reach: 'local',
  async run() {
    if (!(await orders.findBinding())) return ok(UNBOUND);
    const amountOf = await orders.amountSql();
    const rows = await database.query<Overpaid>({
      text: `select order_id::text as "orderId", min(excess_at) as "since" from (
          select distinct p.order_id, p.currency, p.livemode, p.stripe_account, p.excess_at
          from tollgate.payment p where p.excess_at is not null) e
        where (select sum(${paidBy('o')}) from tollgate.payment o where ${isOfSameOrder('e', 'o')}
            and ${paidPayment('o.status')}) > ${amountOf('e.order_id')}
        group by order_id order by 2`,
    });
    const [first] = rows;
    if (!first) return ok('none');
    const some = rows.slice(0, SHOWN).map(({ orderId }) => orderId);
    return found({
      code: 'ORDER_OVERPAID',
      message: `${rows.length} order(s) have received more than they cost: ${some.join(', ')}${rows.length > SHOWN ? ', …' : ''}.`,
      remedy:
        "Look at the order's payments (payments(orderId: …)) and refund what is too much with refund; then this is over.",
      since: first.since,
    });
  },
});

/** Whether orders can be used at all, and whether some have more than they cost: two payments that both went through, or an amount that changed. */
export const orderChecks = (parts: Parts): Check[] => [
  ...accessChecks(parts),
  ownerCheck(parts),
  digitsCheck(parts),
  overpaidCheck(parts),
];
