import type { OpenRows } from '../../inbox/open-rows.js';
import { readOpenRows } from '../../inbox/open-rows.js';
import type { Database } from '../../storage/database.js';
import type { PaymentAttempts } from './attempts.js';
import { OPEN_PAYMENT, type Payment } from './row.js';
import { PAYMENT_COLUMNS } from './rows.js';

/** The open payments that Stripe is asked about; those of invoices are asked about by their invoice (see renewals). */
export const createOpenPayments = (
  database: Database,
  attempts: Pick<PaymentAttempts, 'refresh'>,
): OpenRows<Payment> => ({
  kind: 'payment',

  read: (question) =>
    readOpenRows<Payment>(
      database,
      {
        table: 'tollgate.payment',
        alias: 'p',
        columns: PAYMENT_COLUMNS,
        open: `stripe_invoice_id is null and ${OPEN_PAYMENT}`,
        ids: ['stripe_payment_intent_id', 'stripe_checkout_session_id'],
      },
      question,
    ),

  async ask(row, access) {
    const { stripeCheckoutSessionId, stripePaymentIntentId } = await attempts.refresh(row, { access, actor: 'job' });
    return stripeCheckoutSessionId ?? stripePaymentIntentId;
  },
});
