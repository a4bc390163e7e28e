import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List } from './list.js';
import { ENUMS, PaymentRowsDocument } from './operations.js';
import { PAYMENT_COLUMNS } from './payment-columns.js';
import { useTollgate } from './session.js';

/** All payments, the newest first. */
export const PaymentList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Payments"
      columns={PAYMENT_COLUMNS}
      empty="No payment yet. The first order’s payment shows up here."
      filters={
        <>
          <Search name="search" label="Find" hint="pi_…" />
          <Search name="account" label="Account" />
          <Choice name="status" label="Status" values={ENUMS.PaymentStatus} />
          <Choice name="refunds" label="Refunds" values={ENUMS.RefundState} />
          <Days />
        </>
      }
      read={async (view, page) =>
        (
          await request(PaymentRowsDocument, {
            status: chosen(view, 'status', ENUMS.PaymentStatus),
            refundState: chosen(view, 'refunds', ENUMS.RefundState),
            search: view.get('search') ?? undefined,
            accountId: view.get('account') ?? undefined,
            ...momentsOf(view),
            ...page,
          })
        ).payments
      }
    />
  );
};
