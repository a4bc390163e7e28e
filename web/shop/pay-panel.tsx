import { useState } from 'react';
import type { PayAnswer, Payment, SavedPaymentMethod } from 'tollgate-client';
import type { CaptureMethod, PayMode } from 'tollgate-client/operations';
import { useAction } from '../ui/action.js';
import { formatMoney } from '../ui/money.js';
import { ErrorNotice } from '../ui/notice.js';
import type { Order } from './back-end.js';
import { ConfirmForm } from './confirm-form.js';
import { SavedCards } from './saved-cards.js';
import { useSession } from './session.js';

/** Begins an order's payment, or goes on with the open one, and takes the card. */
export const PayPanel = ({ order, open }: { readonly order: Order; readonly open: Payment | undefined }) => {
  const { tollgate } = useSession();
  const [begun, setBegun] = useState<PayAnswer>();
  const [captureMethod, setCaptureMethod] = useState<CaptureMethod>('AUTOMATIC');
  const [savePaymentMethod, setSaving] = useState(false);
  const { amount, currency } = order;

  const begin = async (mode: PayMode): Promise<void> => {
    const here = location.href;
    const answer = open
      ? await tollgate.continuePayment(open.id)
      : await tollgate.pay({
          orderId: order.id,
          amount,
          currency,
          mode,
          captureMethod,
          savePaymentMethod,
          description: order.description,
          ...(mode === 'CHECKOUT' && { successUrl: here, cancelUrl: here }),
        });
    if (answer.checkoutUrl !== null) location.assign(answer.checkoutUrl);
    else setBegun(answer);
  };
  const payWith = async ({ id }: SavedPaymentMethod): Promise<void> => {
    const { description } = order;
    setBegun(
      await tollgate.pay({ orderId: order.id, amount, currency, captureMethod, description, paymentMethodId: id }),
    );
  };
  const byCard = useAction(() => begin('ELEMENTS'));
  const byCheckout = useAction(() => begin('CHECKOUT'));
  const cancel = useAction(async () => {
    if (open) await tollgate.cancelPayment({ id: open.id });
    setBegun(undefined);
  });

  if (open?.status === 'PROCESSING') return <ClockPanel />;
  const isWaitingForStaff = open?.status === 'REQUIRES_CAPTURE';
  const clientSecret = begun && begun.payment.id === open?.id ? begun.clientSecret : undefined;
  return (
    <section className="card stack" aria-labelledby="pay">
      <h2 id="pay">{isWaitingForStaff ? 'Reserved' : `Pay ${formatMoney(amount, currency)}`}</h2>
      {begun && clientSecret ? (
        <ConfirmForm
          clientSecret={clientSecret}
          type={begun.clientSecretType ?? 'PAYMENT'}
          publishableKey={begun.publishableKey}
          currency={currency}
        />
      ) : (
        !isWaitingForStaff && (
          <>
            {open?.status !== 'REQUIRES_ACTION' && <SavedCards pay={payWith} />}
            {!open && <CaptureChoice value={captureMethod} onChange={setCaptureMethod} />}
            {!open && <SaveChoice value={savePaymentMethod} onChange={setSaving} />}
            <div className="row">
              <button type="button" className="primary" disabled={byCard.busy} onClick={byCard.run}>
                {open ? 'Go on with this payment' : 'Pay by card'}
              </button>
              {!open && (
                <button type="button" disabled={byCheckout.busy} onClick={byCheckout.run}>
                  Pay on Stripe’s page
                </button>
              )}
            </div>
          </>
        )
      )}
      {open && (
        <button type="button" className="quiet" disabled={cancel.busy} onClick={cancel.run}>
          Cancel this payment
        </button>
      )}
      <ErrorNotice error={byCard.error ?? byCheckout.error ?? cancel.error} />
    </section>
  );
};

const CaptureChoice = (props: {
  readonly value: CaptureMethod;
  readonly onChange: (method: CaptureMethod) => void;
}) => (
  <label className="check">
    <input
      type="checkbox"
      checked={props.value === 'MANUAL'}
      onChange={(event) => props.onChange(event.target.checked ? 'MANUAL' : 'AUTOMATIC')}
    />
    Only reserve the money now; staff take it later
  </label>
);

const SaveChoice = (props: { readonly value: boolean; readonly onChange: (value: boolean) => void }) => (
  <label className="check">
    <input type="checkbox" checked={props.value} onChange={(event) => props.onChange(event.target.checked)} />
    Keep this card for my next orders
  </label>
);

const ClockPanel = () => {
  const { backEnd } = useSession();
  const skip = useAction(() => backEnd.skipDays(7));
  return (
    <section className="card stack" aria-label="Waiting for the bank">
      <p>A bank debit settles in some days. The sandbox’s clock can pass them in a moment.</p>
      <button type="button" disabled={skip.busy} onClick={skip.run}>
        Let a week pass
      </button>
      <ErrorNotice error={skip.error} />
    </section>
  );
};
