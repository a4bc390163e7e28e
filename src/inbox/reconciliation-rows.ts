import { OPEN_PAYMENT, type Payment } from '../nouns/payments/row.js';
import { PAYMENT_COLUMNS } from '../nouns/payments/rows.js';
import { LIVE_RECURRING, type RecurringPayment } from '../nouns/recurring/row.js';
import { RECURRING_COLUMNS } from '../nouns/recurring/rows.js';
import { RESERVES, type Refund } from '../nouns/refunds/row.js';
import { REFUND_COLUMNS } from '../nouns/refunds/rows.js';
import type { Database } from '../storage/database.js';

/** Which rows are asked about. */
export interface RowQuestion {
  readonly livemode: boolean;
  readonly account: string;
  /**
   * Every open row, those without a Stripe id included; otherwise those with one that are older than a few minutes, and the older
   * a row is, the seldomer it is asked about: each time its age has grown by a tenth.
   */
  readonly everyRow: boolean;
  /** Rows with an id above it; pages go on from the last one. */
  readonly after: string;
}

/** Reads open rows, by id, a page at a time. */
export interface OpenRowPages {
  payments(question: RowQuestion): Promise<Payment[]>;
  /** Each with its payment. */
  refunds(question: RowQuestion): Promise<(Refund & { readonly payment: Payment })[]>;
  recurringPayments(question: RowQuestion): Promise<RecurringPayment[]>;
}

const PAGE = 100;
const OLD_ENOUGH = `interval '5 minutes'`;

/** `seen_at` is Stripe's time of what was last heard or asked. */
const isDue = (table: string): string => `${table}.id > $1::bigint and ${table}.livemode = $2
  and ${table}.stripe_account = $3 and ($4 or (${table}.created_at < now() - ${OLD_ENOUGH} and now() - greatest(${table}.seen_at, ${table}.updated_at)
    > greatest(${OLD_ENOUGH}, (now() - ${table}.created_at) / 10)))`;

const valuesOf = ({ after, livemode, account, everyRow }: RowQuestion): unknown[] => [
  after,
  livemode,
  account,
  everyRow,
];

/** Builds the reads. */
export const createOpenRowPages = (database: Database): OpenRowPages => {
  const readPayments = async (ids: readonly string[]): Promise<Map<string, Payment>> => {
    const rows = await database.query<Payment>({
      text: `select ${PAYMENT_COLUMNS} from tollgate.payment p where id = any($1::bigint[])`,
      values: [ids],
    });
    return new Map(rows.map((row) => [row.id, row]));
  };

  return {
    payments: (question) =>
      database.query<Payment>({
        text: `select ${PAYMENT_COLUMNS} from tollgate.payment p
          where ${OPEN_PAYMENT}
            and ($4 or coalesce(stripe_invoice_id, stripe_payment_intent_id, stripe_checkout_session_id) is not null)
            and ${isDue('p')}
          order by id limit ${PAGE}`,
        values: valuesOf(question),
      }),

    async refunds(question) {
      const rows = await database.query<Refund>({
        text: `select ${REFUND_COLUMNS} from tollgate.refund r
          where ${RESERVES} and stripe_refund_id is not null and ${isDue('r')}
          order by id limit ${PAGE}`,
        values: valuesOf(question),
      });
      const payments = await readPayments(rows.map(({ paymentId }) => paymentId));
      return rows.flatMap((row) => {
        const payment = payments.get(row.paymentId);
        return payment ? [{ ...row, payment }] : [];
      });
    },

    recurringPayments: (question) =>
      database.query<RecurringPayment>({
        text: `select ${RECURRING_COLUMNS} from tollgate.recurring_payment r
          where ${LIVE_RECURRING}
            and ($4 or coalesce(stripe_subscription_id, stripe_checkout_session_id) is not null) and ${isDue('r')}
          order by id limit ${PAGE}`,
        values: valuesOf(question),
      }),
  };
};
