import { formatMoney, hasEnded, type RecurringPayment } from 'tollgate-client';
import { AskingButton, ErrorText, useAction } from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { Time } from '../ui/time.js';
import { useSession } from './session.js';

const DAYS_OF_A_MONTH = 32;

/** A month passed in a moment, and the ways to change a subscription, to pause it and to end it. */
export const SubscriptionActions = ({ recurring }: { readonly recurring: RecurringPayment }) => {
  const { tollgate, backEnd, isAdmin } = useSession();
  const { id: recurringPaymentId, status, cancelAtPeriodEnd } = recurring;
  const skip = useAction(() => backEnd.skipDays(DAYS_OF_A_MONTH));
  const later = useAction(() => tollgate.cancelRecurringPayment({ recurringPaymentId, at: 'PERIOD_END' }));
  const now = useAction(() => tollgate.cancelRecurringPayment({ recurringPaymentId, at: 'NOW' }));
  const keep = useAction(() => tollgate.resumeRecurringPayment({ recurringPaymentId }));
  const portal = useAction(async () =>
    location.assign(await tollgate.openCustomerPortal({ returnUrl: location.href })),
  );
  if (hasEnded(recurring)) return null;
  const isPaid = status !== 'INCOMPLETE';
  return (
    <section className="card stack" aria-label="Subscription">
      <div className="row">
        {isPaid && (
          <button type="button" disabled={skip.busy} onClick={skip.run}>
            {skip.busy ? 'A month passes …' : 'Skip a month'}
          </button>
        )}
        {cancelAtPeriodEnd && (
          <button type="button" disabled={keep.busy} onClick={keep.run}>
            Keep it after all
          </button>
        )}
        {isPaid && !isAdmin && (
          <button type="button" disabled={portal.busy} onClick={portal.run}>
            Change the card
          </button>
        )}
        {isPaid && isAdmin && <Changes recurring={recurring} />}
        {isPaid && !cancelAtPeriodEnd && (
          <AskingButton
            action={later}
            does="Cancel at the month’s end"
            explains="It runs to the end of the month that is paid, and is not charged again."
            yes="Yes, cancel then"
            no="Keep it"
          />
        )}
        <AskingButton
          action={now}
          does="Cancel now"
          explains="It ends at once. What was paid is not refunded by this."
          yes="Yes, end it now"
          no="Keep it"
        />
      </div>
      <ErrorText error={skip.error ?? later.error ?? now.error ?? keep.error ?? portal.error} />
    </section>
  );
};

/** More or fewer bags a month, with what that costs, and a pause: for staff, since customers may not unless an app lets them. */
const Changes = ({ recurring }: { readonly recurring: RecurringPayment }) => {
  const { tollgate } = useSession();
  const { id: recurringPaymentId, pendingChange, version, collectionPaused } = recurring;
  const next = (pendingChange?.quantity ?? recurring.quantity) === 1 ? 2 : 1;
  // From the next month on: what is sent now was paid as it was ordered, and the order stays what it is.
  const input = { recurringPaymentId, quantity: next, at: 'PERIOD_END' as const };
  const preview = useLoaded(`preview ${recurringPaymentId} ${version}`, () => tollgate.previewRecurringChange(input));
  const change = useAction(() => tollgate.changeRecurringPayment(input));
  const pause = useAction(() => tollgate.pauseRecurringPayment({ recurringPaymentId }));
  const unpause = useAction(() => tollgate.unpauseRecurringPayment({ recurringPaymentId }));
  const cost = preview.value && formatMoney(preview.value.nextAmount, preview.value.currency);
  return (
    <>
      {pendingChange && (
        <p>
          {pendingChange.quantity === 1 ? 'One bag' : 'Two bags'} from <Time at={pendingChange.at} dayOnly />
        </p>
      )}
      <AskingButton
        action={change}
        does={next === 2 ? 'Two bags a month' : 'One bag a month'}
        explains={cost === undefined ? 'The next charge changes.' : `The next charge is ${cost}.`}
        yes="Yes, change it"
        no="Leave it"
      />
      {collectionPaused ? (
        <button type="button" disabled={unpause.busy} onClick={unpause.run}>
          Go on charging
        </button>
      ) : (
        <AskingButton
          action={pause}
          does="Pause"
          explains="Nothing is charged until it goes on."
          yes="Yes, pause it"
          no="Leave it"
        />
      )}
      <ErrorText error={change.error ?? pause.error ?? unpause.error} />
    </>
  );
};
