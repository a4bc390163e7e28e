import { formatMoney, type Refund } from 'tollgate-client';
import { Status } from './status.js';
import { Time } from './time.js';

/** The refunds of a payment with their statuses. */
export const RefundList = ({ refunds }: { readonly refunds: readonly Refund[] }) => (
  <ul className="rows" aria-label="Refunds">
    {refunds.map(({ id, amount, currency, status, reason, failureReason, createdAt }) => (
      <li key={id}>
        <strong className="grow">{formatMoney(amount, currency)} refunded</strong>
        <Status of={status} />
        <span className="soft detail">
          {failureReason ?? reason ?? 'No reason given'}, <Time at={createdAt} />
        </span>
      </li>
    ))}
  </ul>
);
