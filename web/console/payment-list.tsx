import { useView } from '../ui/route.js';
import { AccountHint } from './account-hint.js';
import { CsvButton } from './csv.js';
import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List } from './list.js';
import { ENUMS, PaymentRowsDocument } from './operations.js';
import { PAYMENT_COLUMNS } from './payment-columns.js';
import { useTollgate } from './session.js';

/** What the view narrows payments to, by the names of GraphQL. */
const filterOf = (view: URLSearchParams) => ({
  status: chosen(view, 'status', ENUMS.PaymentStatus),
  refundState: chosen(view, 'refunds', ENUMS.RefundState),
  search: view.get('search') ?? undefined,
  accountId: view.get('account') ?? undefined,
  ...momentsOf(view),
});

/** All payments, the newest first. */
export const PaymentList = () => {
  const { request } = useTollgate();
  const [current] = useView();
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
      read={async (view, page) => (await request(PaymentRowsDocument, { ...filterOf(view), ...page })).payments}
    >
      <AccountHint />
      <CsvButton list="payments" filter={filterOf(current)} />
    </List>
  );
};
