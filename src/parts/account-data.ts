import { randomUUID } from 'node:crypto';
import { OPEN_PAYMENT } from '../nouns/payments/row.js';
import { LIVE_RECURRING } from '../nouns/recurring/row.js';
import { writeAudit } from '../storage/audit.js';
import type { Database, Queryable, Tx } from '../storage/database.js';

/** What takes the place of an account's id once it is erased. */
const ERASED = 'erased-';

/** An account whose payments go on can't be erased; the message says what to end first. */
export class AccountBusyError extends Error {
  override readonly name = 'AccountBusyError';
}

/** The rows of an account, which its other rows belong to. */
const NODES = `with p as (select * from tollgate.payment where account_id = $1),
  r as (select * from tollgate.recurring_payment where account_id = $1),
  f as (select * from tollgate.refund where payment_id in (select id from p)),
  d as (select * from tollgate.dispute where payment_id in (select id from p)),
  n (node_type, node_id) as (select 'PAYMENT', id from p union all select 'RECURRING_PAYMENT', id from r
    union all select 'REFUND', id from f union all select 'DISPUTE', id from d),
  k (account_id, stripe_customer_id) as (select account_id, stripe_customer_id from tollgate.stripe_customer where account_id = $1),
  s (id) as (select unnest(array[stripe_payment_intent_id, stripe_checkout_session_id, stripe_invoice_id, stripe_charge_id]) from p
    union select unnest(array[stripe_subscription_id, stripe_checkout_session_id]) from r
    union select stripe_refund_id from f union select stripe_dispute_id from d union select stripe_customer_id from k
    union select unnest(array[stripe_object_id, stripe_customer_id]) from tollgate.method_setup where account_id = $1),
  c as (select * from tollgate.change where (node_type, node_id) in (select node_type, node_id from n)),
  e as (select * from tollgate.stripe_event where object_id in (select id from s) or id in (select event_id from c))`;

/** Each list, and where its rows come from. */
const LISTS: Readonly<Record<string, string>> = {
  payments: 'select * from p order by id',
  refunds: 'select * from f order by id',
  recurringPayments: 'select * from r order by id',
  renewals: 'select * from tollgate.renewal where recurring_payment_id in (select id from r)',
  disputes: 'select * from d order by id',
  stripeCustomers: 'select * from tollgate.stripe_customer where account_id = $1',
  savedMethodPages: 'select * from tollgate.method_setup where account_id = $1 order by id',
  timeline: 'select * from c order by id',
  events: 'select * from e order by received_at',
  owedFlows: 'select * from tollgate.owed_flow where (node_type, node_id) in (select node_type, node_id::text from n)',
  outgoingDeliveries:
    'select * from tollgate.outgoing_delivery where (node_type, node_id) in (select node_type, node_id::text from n) order by id',
  requests: 'select * from tollgate.idempotency where account_id = $1 order by id',
  roles: 'select * from tollgate.account_role where account_id = $1',
  consoleSessions: `select id, roles, created_at, code_ends_at, begun_at, ends_at, ended_at from tollgate.console_session
    where account_id = $1 order by id`,
  audit: `select * from tollgate.audit where actor = 'account:' || $1 order by id`,
  actions: `select * from tollgate.change where actor = 'account:' || $1 order by id`,
};

/** All that is kept of an account, table by table, in the tables' own names. The order table is the app's. */
export const exportAccount = async (
  on: Queryable,
  accountId: string,
): Promise<Readonly<Record<string, readonly object[]>>> => {
  const lists = Object.entries(LISTS).map(
    ([name, rows]) => `'${name}', (select coalesce(json_agg(to_jsonb(l)), '[]') from (${rows}) l)`,
  );
  const [row] = await on.query<{ kept: Record<string, object[]> }>({
    text: `${NODES} select json_build_object(${lists.join(', ')}) as "kept"`,
    values: [accountId],
  });
  return row?.kept ?? {};
};

const BUSY: readonly (readonly [rows: string, words: (ids: string) => string])[] = [
  [
    `select id from r where ${LIVE_RECURRING}`,
    (ids) => `Recurring payment ${ids} goes on: cancel it, and wait until it has ended.`,
  ],
  [`select id from p where ${OPEN_PAYMENT}`, (ids) => `Payment ${ids} is open: cancel it, or wait for its end.`],
  [
    `select id from p where amount_refund_pending > 0 or
      (status = 'QUARANTINED' and amount_refunded + amount_refund_pending < amount_received)`,
    (ids) => `Money of payment ${ids} waits for a refund's end or a decision.`,
  ],
  [
    `select id from tollgate.owed_flow where status = 'OWED' and (node_type, node_id) in (select node_type, node_id::text from n)`,
    (ids) => `Flow ${ids} is owed: "npx tollgate flows run" or "skip" it.`,
  ],
  [
    `select id from e where status in ('RECEIVED', 'FAILED')`,
    (ids) => `Event ${ids} waits to be applied: see "npx tollgate events list".`,
  ],
];

const assertIdle = async (tx: Tx, accountId: string): Promise<void> => {
  for (const [rows, words] of BUSY) {
    const [found] = await tx.query<{ ids: string | null }>({
      text: `${NODES} select string_agg(id::text, ', ') as "ids" from (${rows} limit 5) b`,
      values: [accountId],
    });
    if (found?.ids) throw new AccountBusyError(`Account ${accountId} can't be erased. ${words(found.ids)}`);
  }
};

const PERSONAL = [
  'description',
  'metadata',
  'receipt_email',
  'statement_descriptor_suffix',
  'locale',
  'payment_method',
  'receipt_url',
  'invoice',
  'charge',
  'failure_message',
  'success_url',
  'cancel_url',
  'asked_by',
  'reason',
];

/** In this order: what is found by the account's rows goes before these lose its name. */
const ERASURES: readonly string[] = [
  `update tollgate.stripe_event set payload = null, last_error = null where id in (select id from e)`,
  `update tollgate.outgoing_delivery d set last_error = null, snapshot = (d.snapshot - '{${PERSONAL.join(',')}}'::text[])
      || case when d.snapshot ? 'account_id' then jsonb_build_object('account_id', $2::text) else '{}' end
    where (node_type, node_id) in (select node_type, node_id::text from n)`,
  `update tollgate.owed_flow set data = '{}', error = '', reason = null where (node_type, node_id) in (select node_type, node_id::text from n)`,
  `update tollgate.flow_failure set error = '' where (node_type, node_id) in (select node_type, node_id::text from n)`,
  `update tollgate.change c set note = null where c.note is not null and (node_type, node_id) in (select node_type, node_id from n)`,
  `update tollgate.change c set actor = 'account:' || $2 where c.actor = 'account:' || $1`,
  ...['payment', 'recurring_payment'].map(
    (table) => `update tollgate.${table} set asked_by = 'account:' || $2 where asked_by = 'account:' || $1`,
  ),
  `update tollgate.refund set reason = null where id in (select id from f)`,
  `update tollgate.method_setup set account_id = $2, success_url = '', cancel_url = '' where account_id = $1`,
  `update tollgate.stripe_customer set account_id = $2 where account_id = $1`,
  `update tollgate.idempotency set account_id = $2, key = '${ERASED}' || id where account_id = $1`,
  `delete from tollgate.account_role where account_id = $1`,
  `update tollgate.console_session set account_id = $2, code_ends_at = least(code_ends_at, now()), ended_at = coalesce(ended_at, now())
    where account_id = $1`,
  `update tollgate.recurring_payment set account_id = $2, success_url = null, cancel_url = null where account_id = $1`,
  `update tollgate.payment set account_id = $2, description = null, metadata = '{}', receipt_email = null, statement_descriptor_suffix = null,
      locale = null, payment_method = null, receipt_url = null, invoice = null, charge = null, failure_message = null,
      success_url = null, cancel_url = null where account_id = $1`,
];

/** What an erasure came to. */
export interface Erasure {
  /** What stands in place of the account's id; undefined where nothing was kept of it. */
  readonly erasedAs: string | undefined;
  /** The customers that Stripe still has. */
  readonly stripeCustomers: readonly string[];
}

/**
 * Makes an account unrecognisable in all that is kept: its id, descriptions, reasons, metadata, payloads and notes. Sums, Stripe's ids and
 * states stay. All or nothing; twice is once, and what Stripe tells later is erased by the id that took the account's place.
 *
 * @throws AccountBusyError while something of it goes on
 */
export const eraseAccount = (database: Database, accountId: string): Promise<Erasure> =>
  database.transaction(async (tx) => {
    // Who pays, is refunded or changed meanwhile waits, or is seen.
    for (const table of ['recurring_payment', 'payment'])
      await tx.query({
        text: `select 1 as "one" from tollgate.${table} where account_id = $1 order by id for update`,
        values: [accountId],
      });
    await assertIdle(tx, accountId);
    const kept = await exportAccount(tx, accountId);
    const counts = Object.entries(kept).flatMap(([name, rows]) =>
      name === 'audit' || rows.length === 0 ? [] : [[name, rows.length] as const],
    );
    if (counts.length === 0) return { erasedAs: undefined, stripeCustomers: [] };
    const erasedAs = accountId.startsWith(ERASED) ? accountId : `${ERASED}${randomUUID()}`;
    for (const erasure of ERASURES)
      await tx.query({
        // Both are named in each, so that each has the same values.
        text: `${NODES}, given as (select $1::text, $2::text) ${erasure}`,
        values: [accountId, erasedAs],
      });
    await tx.query(writeAudit('operator', 'ACCOUNT_ERASED', { erasedAs, rows: Object.fromEntries(counts) }));
    const customers = kept['stripeCustomers'] as readonly { stripe_customer_id: string | null }[];
    return {
      erasedAs,
      stripeCustomers: customers.flatMap(({ stripe_customer_id: id }) => (id === null ? [] : [id])),
    };
  });
