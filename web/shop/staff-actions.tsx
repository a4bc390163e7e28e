import type { Payment } from 'tollgate-client';
import { useAction } from '../ui/action.js';
import { formatMoney } from '../ui/money.js';
import { ErrorNotice } from '../ui/notice.js';
import { RefundForm } from '../ui/refund-form.js';
import { useSession } from './session.js';

/** What the shop's staff may do with a payment: take reserved money, or give money back. */
export const StaffActions = ({ payment }: { readonly payment: Payment }) => {
  const { tollgate } = useSession();
  const capture = useAction(() => tollgate.capturePayment({ id: payment.id }));
  if (payment.status === 'REQUIRES_CAPTURE')
    return (
      <div className="stack">
        <button type="button" className="primary" disabled={capture.busy} onClick={capture.run}>
          Take {formatMoney(payment.amount, payment.currency)}
        </button>
        <ErrorNotice error={capture.error} />
      </div>
    );
  if (payment.amountRefundable === 0) return null;
  return (
    <>
      <h3>Give money back</h3>
      <RefundForm tollgate={tollgate} payment={payment} />
    </>
  );
};
