import { OPEN_PAYMENT } from '../nouns/payments/row.js';
import { LIVE_RECURRING } from '../nouns/recurring/row.js';
import { RESERVES } from '../nouns/refunds/row.js';
import type { Queryable } from '../storage/database.js';

/** Rows that wait for something of an account or mode that the keys in force don't reach. */
export interface OpenRows {
  readonly livemode: boolean;
  readonly account: string;
  readonly payments: number;
  readonly refunds: number;
  readonly recurringPayments: number;
}

/** Counts the open rows of every other mode and account; none: an empty list. */
export const countOpenElsewhere = (
  on: Queryable,
  { livemode, account }: { readonly livemode: boolean; readonly account: string },
): Promise<OpenRows[]> =>
  on.query<OpenRows>({
    text: `with open as (
        select livemode, stripe_account, 1 as payment, 0 as refund, 0 as recurring from tollgate.payment
          where ${OPEN_PAYMENT}
        union all
        select livemode, stripe_account, 0, 1, 0 from tollgate.refund where ${RESERVES}
        union all
        select livemode, stripe_account, 0, 0, 1 from tollgate.recurring_payment
          where ${LIVE_RECURRING})
      select livemode, stripe_account as "account", sum(payment)::integer as "payments",
        sum(refund)::integer as "refunds", sum(recurring)::integer as "recurringPayments"
      from open where (livemode, stripe_account) is distinct from ($1::boolean, $2::text)
      group by livemode, stripe_account order by livemode, stripe_account`,
    values: [livemode, account],
  });
