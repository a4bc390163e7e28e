import type { RecurringPayment } from 'tollgate-client';
import { useAction } from '../ui/action.js';
import { ErrorNotice } from '../ui/notice.js';
import { Time } from '../ui/time.js';
import { useSession } from './session.js';

const LIVE: readonly string[] = ['TRIALING', 'ACTIVE', 'PAST_DUE', 'UNPAID', 'PAUSED', 'INCOMPLETE'];
const DAYS_OF_A_MONTH = 32;

/** When the next charge comes, a month passed in a moment, and the ways to end it. */
export const SubscriptionActions = ({ recurring }: { readonly recurring: RecurringPayment }) => {
  const { tollgate, backEnd, isAdmin } = useSession();
  const { id, status, cancelAtPeriodEnd, currentPeriodEnd } = recurring;
  const skip = useAction(() => backEnd.skipDays(DAYS_OF_A_MONTH));
  const cancelLater = useAction(() => tollgate.cancelRecurringPayment({ recurringPaymentId: id, at: 'PERIOD_END' }));
  const cancelNow = useAction(() => tollgate.cancelRecurringPayment({ recurringPaymentId: id, at: 'NOW' }));
  const portal = useAction(async () =>
    location.assign(await tollgate.openCustomerPortal({ returnUrl: location.href })),
  );
  const resume = useAction(() => tollgate.resumeRecurringPayment({ recurringPaymentId: id }));
  if (!LIVE.includes(status)) return <p className="card">This subscription has ended. Nothing more is charged.</p>;
  const isPaid = status !== 'INCOMPLETE';
  return (
    <section className="card stack" aria-label="Subscription">
      {currentPeriodEnd !== null && isPaid && (
        <p>
          {cancelAtPeriodEnd ? 'Ends on ' : 'The next charge comes on '}
          <Time at={currentPeriodEnd} dayOnly />.
        </p>
      )}
      <div className="row">
        {isPaid && (
          <button type="button" disabled={skip.busy} onClick={skip.run}>
            {skip.busy ? 'A month passes …' : 'Skip a month'}
          </button>
        )}
        {isPaid && !cancelAtPeriodEnd && (
          <button type="button" disabled={cancelLater.busy} onClick={cancelLater.run}>
            Cancel at the month’s end
          </button>
        )}
        {cancelAtPeriodEnd && (
          <button type="button" disabled={resume.busy} onClick={resume.run}>
            Keep it after all
          </button>
        )}
        {isPaid && !isAdmin && (
          <button type="button" disabled={portal.busy} onClick={portal.run}>
            Change the card
          </button>
        )}
        <button type="button" className="quiet" disabled={cancelNow.busy} onClick={cancelNow.run}>
          Cancel now
        </button>
      </div>
      <ErrorNotice error={skip.error ?? cancelLater.error ?? cancelNow.error ?? resume.error ?? portal.error} />
    </section>
  );
};
