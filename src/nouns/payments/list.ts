import { isNodeId } from '../../core/node-id.js';
import type { Page } from '../../core/page.js';
import type { Database } from '../../storage/database.js';
import {
  type Bind,
  type Condition,
  isEqual,
  isOfStatus,
  isWithin,
  type Listing,
  readPage,
} from '../../storage/listing.js';
import { REFUND_STATE_SQL } from '../refunds/refundable.js';
import type { PaymentFilter } from './payments.js';
import type { Payment } from './row.js';
import { PAYMENT_COLUMNS } from './rows.js';

/** What is searched for, in each form that it may have. */
export interface Sought {
  /** As the client wrote it, without space around it. */
  readonly text: string;
  /** One of our ids; null where it isn't one. */
  readonly id: string | null;
  /** An order's key; null where it isn't one. */
  readonly orderId: string | null;
}

/** Ids of Stripe's and of apps are short: what is longer is none. */
const LONGEST = 255;

/**
 * What a search asks of a list: nothing where there is none; undefined where nothing can have such an id. `keyOf` gives an order's key in
 * its one form.
 */
export const soughtBy = async (
  search: string | undefined,
  { keyOf }: { readonly keyOf: (orderId: string) => Promise<string | undefined> },
  isSought: (sought: Sought) => Condition,
): Promise<readonly Condition[] | undefined> => {
  if (search === undefined) return [];
  const text = search.trim();
  if (text === '' || text.length > LONGEST) return undefined;
  return [isSought({ text, id: isNodeId(text) ? text : null, orderId: (await keyOf(text)) ?? null })];
};

/** The accounts that an id names: the account itself, or whose customer of Stripe's it is. */
export const accountsOf = (text: string): string =>
  `(select ${text} union all select account_id from tollgate.stripe_customer where stripe_customer_id = ${text})`;

/** The ids of payments that something is an id of, their recurring payments' included; each part finds its rows by an index of its own. */
export const paymentsSought = ({ text, id, orderId }: Sought, bind: Bind): string => {
  const [given, ours, order] = [`${bind(text)}::text`, `${bind(id)}::bigint`, bind(orderId)];
  return `select id from tollgate.payment where id = ${ours}
    union all select id from tollgate.payment where order_id = ${order}
    union all select id from tollgate.payment where account_id in ${accountsOf(given)}
    union all select id from tollgate.payment where stripe_payment_intent_id = ${given}
    union all select id from tollgate.payment where stripe_checkout_session_id = ${given}
    union all select id from tollgate.payment where stripe_invoice_id = ${given}
    union all select id from tollgate.payment where stripe_charge_id = ${given}
    union all select of.id from tollgate.payment of join tollgate.recurring_payment r on r.id = of.recurring_payment_id
      where r.stripe_subscription_id = ${given} or r.id = ${ours}`;
};

/** The payment itself, or what its refunds and disputes are called. */
export const isSoughtPayment =
  (sought: Sought): Condition =>
  (bind) => {
    const [given, ours] = [`${bind(sought.text)}::text`, `${bind(sought.id)}::bigint`];
    return `p.id in (${paymentsSought(sought, bind)}
      union all select payment_id from tollgate.refund where stripe_refund_id = ${given} or id = ${ours}
      union all select payment_id from tollgate.dispute where stripe_dispute_id = ${given} or id = ${ours})`;
  };

const LISTING: Listing = {
  table: 'tollgate.payment',
  alias: 'p',
  columns: PAYMENT_COLUMNS,
  time: 'created_at',
  id: 'bigint',
};

/** Reads a page of payments, newest first; from the database alone. */
export const listPayments = (
  database: Database,
  { orderId, status, refundState, createdFrom, createdTo, ...page }: PaymentFilter,
  { accountId, sought }: { readonly accountId: string | undefined; readonly sought: readonly Condition[] },
): Promise<Page<Payment>> =>
  readPage<Payment>(
    database,
    LISTING,
    [
      ...isEqual('p.account_id', accountId),
      ...isEqual('p.order_id', orderId),
      ...isOfStatus('p.status', status, 'SUCCESSFUL'),
      ...(refundState === undefined ? [] : [() => `(${REFUND_STATE_SQL[refundState]})`]),
      ...isWithin('p.created_at', createdFrom, createdTo),
      ...sought,
    ],
    page,
  );
