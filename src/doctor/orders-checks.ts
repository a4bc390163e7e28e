import type { Orders } from '../orders/orders.js';
import type { Database } from '../storage/database.js';
import { type Check, found, ok } from './checks.js';

const SHOWN = 5;

interface Overpaid {
  readonly orderId: string;
  readonly since: Date;
}

/** Whether orders have more than they cost: two payments that both went through, or an amount that changed meanwhile. */
export const orderChecks = ({
  database,
  orders,
}: {
  database: Database;
  orders: Pick<Orders, 'findBinding' | 'amountSql'>;
}): Check[] => [
  {
    title: 'overpaid orders',
    code: 'ORDER_OVERPAID',
    reach: 'local',
    async run() {
      if (!(await orders.findBinding())) return ok('no order table is bound');
      const amountOf = await orders.amountSql();
      const rows = await database.query<Overpaid>({
        text: `select order_id::text as "orderId", min(excess_at) as "since" from (
            select distinct p.order_id, p.currency, p.livemode, p.stripe_account, p.excess_at
            from tollgate.payment p where p.excess_at is not null) e
          where (select sum(o.amount_received - o.amount_refunded) from tollgate.payment o where o.order_id = e.order_id
              and o.currency = e.currency and o.livemode = e.livemode and o.stripe_account = e.stripe_account
              and o.status = 'SUCCESSFUL') > ${amountOf('e.order_id')}
          group by order_id order by 2`,
      });
      const [first] = rows;
      if (!first) return ok('none');
      const some = rows.slice(0, SHOWN).map(({ orderId }) => orderId);
      return found({
        code: 'ORDER_OVERPAID',
        message: `${rows.length} order(s) have received more than they cost: ${some.join(', ')}${rows.length > SHOWN ? ', …' : ''}.`,
        remedy: "Look at the order's payments and refund what is too much; then this is over.",
        since: first.since,
      });
    },
  },
];
