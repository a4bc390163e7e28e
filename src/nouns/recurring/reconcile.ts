import { type OpenRows, readOpenRows } from '../../inbox/open-rows.js';
import type { Database } from '../../storage/database.js';
import type { RecurringAttempts } from './attempts.js';
import { isOnPage, type SubscriptionCheckouts } from './checkout.js';
import { LIVE_RECURRING, type RecurringPayment } from './row.js';
import { RECURRING_COLUMNS } from './rows.js';

/** The live recurring payments that Stripe is asked about: by their checkout page while people are on it. */
export const createOpenRecurring = (
  database: Database,
  attempts: Pick<RecurringAttempts, 'refresh'>,
  checkouts: Pick<SubscriptionCheckouts, 'settle'>,
): OpenRows<RecurringPayment> => ({
  kind: 'recurring payment',

  read: (question) =>
    readOpenRows<RecurringPayment>(
      database,
      {
        table: 'tollgate.recurring_payment',
        alias: 'r',
        columns: RECURRING_COLUMNS,
        open: LIVE_RECURRING,
        ids: ['stripe_subscription_id', 'stripe_checkout_session_id'],
      },
      question,
    ),

  async ask(row, access) {
    if (row.stripeCheckoutSessionId !== null && isOnPage(row)) {
      await checkouts.settle(row, { access, actor: 'job' });
      return row.stripeCheckoutSessionId;
    }
    return (await attempts.refresh(row, { access, actor: 'job' })).stripeSubscriptionId;
  },
});
