import { useState } from 'react';
import type { Payment } from 'tollgate-client';
import { useRefunds } from 'tollgate-client/react';
import { formatMoney } from '../ui/money.js';
import { ErrorNotice } from '../ui/notice.js';
import { RefundList } from '../ui/refund-list.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { MEANING } from './payment-states.js';
import { useSession } from './session.js';
import { StaffActions } from './staff-actions.js';

/** One payment as it stands, how it came there while you watched, and its refunds. */
export const PaymentCard = ({ payment }: { readonly payment: Payment }) => {
  const { tollgate, isAdmin } = useSession();
  const history = useHistory(payment);
  const hasMoney = payment.amountReceived > 0;
  const refunds = useRefunds(tollgate, hasMoney ? payment.id : undefined);
  return (
    <section className="card stack" aria-label={`Payment ${payment.id}`} data-payment={payment.id}>
      <h2>
        Payment <span className="soft">no. {payment.id}</span> <Status of={payment.status} />
      </h2>
      <p aria-live="polite">
        {payment.status === 'FAILED' && payment.failureMessage !== null ? `${payment.failureMessage} ` : ''}
        {MEANING[payment.status]}
      </p>
      {hasMoney && (
        <dl className="facts">
          <dt>Received</dt>
          <dd>{formatMoney(payment.amountReceived, payment.currency)}</dd>
          <dt>Given back</dt>
          <dd>{formatMoney(payment.amountRefunded, payment.currency)}</dd>
        </dl>
      )}
      <ol className="history" aria-label="What happened while you watched">
        {history.map(({ version, status, updatedAt, amountRefunded, currency }) => (
          <li key={version}>
            <Status of={status} /> {amountRefunded > 0 && `${formatMoney(amountRefunded, currency)} given back, `}
            <Time at={updatedAt} /> <span className="soft">version {version}</span>
          </li>
        ))}
      </ol>
      {refunds.rows.length > 0 && <RefundList refunds={[...refunds.rows].reverse()} />}
      <ErrorNotice error={refunds.error} />
      {isAdmin ? (
        <StaffActions payment={payment} />
      ) : (
        payment.amountRefundable > 0 && <p className="soft">To give money back, switch to Staff at the top.</p>
      )}
    </section>
  );
};

/** The versions of a payment that this page has seen, oldest first. */
const useHistory = (payment: Payment): readonly Payment[] => {
  const [seen, setSeen] = useState<readonly Payment[]>([payment]);
  const last = seen.at(-1);
  if (last && payment.version > last.version) setSeen([...seen, payment]);
  return seen;
};
