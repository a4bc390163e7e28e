import type { Refund } from 'tollgate-client';
import { useLanguage } from './language.js';
import { Status } from './status.js';
import { Time } from './time.js';

/** The refunds of a payment with their statuses. */
export const RefundList = ({ refunds }: { readonly refunds: readonly Refund[] }) => {
  const { t, money } = useLanguage();
  return (
    <ul className="rows" aria-label={t('Refunds')}>
      {refunds.map(({ id, amount, currency, status, reason, failureReason, createdAt }) => (
        <li key={id}>
          <strong className="grow">{t('{amount} refunded', { amount: money(amount, currency) })}</strong>
          <Status of={status} />
          <span className="soft detail">
            {failureReason ?? reason ?? t('No reason given')}, <Time at={createdAt} />
          </span>
        </li>
      ))}
    </ul>
  );
};
