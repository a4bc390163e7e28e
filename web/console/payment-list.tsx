import { useState } from 'react';
import { type PaymentStatus, PaymentsDocument } from 'tollgate-client/operations';
import { formatMoney } from '../ui/money.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Filter } from './filter.js';
import { usePaged } from './paged.js';
import { useTollgate } from './session.js';

const STATUSES: readonly PaymentStatus[] = [
  'PENDING',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
  'SUCCESSFUL',
  'FAILED',
  'CANCELED',
  'QUARANTINED',
];

/** All payments, the newest first. */
export const PaymentList = () => {
  const { request } = useTollgate();
  const [status, setStatus] = useState<PaymentStatus>();
  const list = usePaged(
    `payments ${status}`,
    async (after) => (await request(PaymentsDocument, { status, first: 50, after })).payments,
    5_000,
  );
  return (
    <section className="card" aria-labelledby="payments">
      <div className="heading">
        <h1 id="payments">Payments</h1>
        <Filter label="Status" values={STATUSES} value={status} onChange={setStatus} />
      </div>
      {list.value ? <ErrorNotice error={list.error} /> : <Waiting error={list.error} />}
      {list.value?.rows.length === 0 && (
        <Empty>
          {status ? 'No payment has this status now.' : 'No payment yet. The first order’s payment shows up here.'}
        </Empty>
      )}
      <ul className="rows">
        {list.value?.rows.map(({ id, orderId, accountId, amount, currency, status: now, createdAt }) => (
          <li key={id}>
            <a className="grow" href={`#/payments/${id}`}>
              No. {id} <span className="soft">for order {orderId}</span>
            </a>
            <strong>{formatMoney(amount, currency)}</strong>
            <Status of={now} />
            <span className="soft detail">
              {accountId ?? 'nobody'}, <Time at={createdAt} />
            </span>
          </li>
        ))}
      </ul>
      {list.value?.hasMore && (
        <button type="button" onClick={list.more}>
          Show older ones
        </button>
      )}
    </section>
  );
};
