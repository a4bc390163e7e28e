import { type OpenRows, readOpenRows } from '../../inbox/open-rows.js';
import type { Database } from '../../storage/database.js';
import type { Payment } from '../payments/row.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import { RESERVES, type Refund } from './row.js';
import { REFUND_COLUMNS } from './rows.js';
import type { RefundAttempts } from './settle.js';

type RefundOfPayment = Refund & { readonly payment: Payment };

/** The refunds without an end that Stripe is asked about, each with its payment. */
export const createOpenRefunds = (
  database: Database,
  attempts: Pick<RefundAttempts, 'refresh'>,
): OpenRows<RefundOfPayment> => ({
  kind: 'refund',

  async read(question) {
    const rows = await readOpenRows<Refund>(
      database,
      {
        table: 'tollgate.refund',
        alias: 'r',
        columns: REFUND_COLUMNS,
        open: `stripe_refund_id is not null and ${RESERVES}`,
        ids: ['stripe_refund_id'],
      },
      question,
    );
    const payments = await database.query<Payment>({
      text: `select ${PAYMENT_COLUMNS} from tollgate.payment p where id = any($1::bigint[])`,
      values: [rows.map(({ paymentId }) => paymentId)],
    });
    const byId = new Map(payments.map((payment) => [payment.id, payment]));
    return rows.flatMap((row) => {
      const payment = byId.get(row.paymentId);
      return payment ? [{ ...row, payment }] : [];
    });
  },

  async ask(row, access) {
    if (row.stripeRefundId !== null)
      await attempts.refresh({ refund: row, payment: row.payment }, { access, actor: 'job' });
    return row.stripeRefundId;
  },
});
