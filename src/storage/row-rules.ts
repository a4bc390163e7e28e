import { createHash } from 'node:crypto';
import pg from 'pg';

/** A trigger that refuses what may not happen to rows, whoever asks. */
export interface RowRule {
  readonly table: string;
  readonly name: string;
  /** What follows the trigger's name, up to the function, in the words in which PostgreSQL gives it back. */
  readonly event: string;
  /** What a refusal says beside the operation and the table. */
  readonly hint: string;
}

const BOOKS = 'Rows of money are kept for the books.';
const AGREED = 'What was agreed on never changes: amounts, currencies, orders, accounts, mode and dates.';
const HISTORY = 'History is only ever appended to.';
/** Stripe sends an event again for at most 30 days. Source: Stripe docs, "Process undelivered webhook events". */
const MEMORY = 'Rows of the last 30 days keep a payment or an event from being applied twice; older ones may go.';

const keepRows = (table: string, hint: string): RowRule => ({
  table,
  name: 'keep_rows',
  event: `before delete on tollgate.${table} for each row`,
  hint,
});

/** What an erasure of an account may write in place of what was there; see src/parts/account-data.ts. */
const ERASURES = {
  account: (name: string) => `(${name} ~~ 'erased-%'::text) is not true`,
  actor: (name: string) => `(${name} ~~ 'account:erased-%'::text) is not true`,
  text: (name: string) => `${name} is not null`,
  data: (name: string) => `${name} <> '{}'::jsonb`,
} as const;

/** @param erasable columns that tell who it was: they change to what an erasure writes, and to nothing else */
const keepColumns = (
  table: string,
  columns: readonly string[],
  {
    hint,
    erasable = {},
  }: { readonly hint: string; readonly erasable?: Readonly<Record<string, keyof typeof ERASURES>> },
): RowRule => ({
  table,
  name: 'keep_columns',
  event: `before update of ${columns.join(', ')} on tollgate.${table} for each row when (${columns
    .map((column) => {
      const changed = `old.${column} is distinct from new.${column}`;
      const erased = erasable[column];
      return erased === undefined ? changed : `(${changed} and ${ERASURES[erased](`new.${column}`)})`;
    })
    .join(' or ')})`,
  hint,
});

const keepRecent = (table: string, since: string): RowRule => ({
  table,
  name: 'keep_rows',
  event: `before delete on tollgate.${table} for each row when (old.${since} > (now() - '30 days'::interval))`,
  hint: MEMORY,
});

/** Every table of the product that holds what lasts. */
export const TABLES = [
  'payment',
  'refund',
  'dispute',
  'recurring_payment',
  'renewal',
  'change',
  'order_binding',
  'audit',
  'owed_flow',
  'outgoing_webhook',
  'outgoing_order',
  'stripe_event',
  'idempotency',
  'stripe_customer',
  'setting',
  'role',
  'role_permission',
  'account_role',
  'migration',
];

/** A renewal gets its order once, the others have theirs from the start. */
const keepOrder = (table: string): RowRule => ({
  table,
  name: 'keep_order',
  event: `before update of order_id on tollgate.${table} for each row
    when (old.order_id is not null and old.order_id is distinct from new.order_id)`,
  hint: AGREED,
});

const LASTING: readonly RowRule[] = [
  ...TABLES.map((table) => ({
    table,
    name: 'keep_table',
    event: `before truncate on tollgate.${table} for each statement`,
    hint: `Tollgate's tables are never emptied. ${BOOKS}`,
  })),
  ...['payment', 'refund', 'dispute', 'recurring_payment', 'renewal'].map((table) => keepRows(table, BOOKS)),
  keepColumns('payment', ['id', 'amount', 'currency', 'account_id', 'livemode', 'stripe_account', 'created_at'], {
    hint: AGREED,
    erasable: { account_id: 'account' },
  }),
  keepColumns('refund', ['id', 'payment_id', 'amount', 'currency', 'livemode', 'stripe_account', 'created_at'], {
    hint: AGREED,
  }),
  keepColumns(
    'dispute',
    ['id', 'payment_id', 'currency', 'stripe_dispute_id', 'livemode', 'stripe_account', 'created_at'],
    { hint: AGREED },
  ),
  keepColumns(
    'recurring_payment',
    ['id', 'initial_amount', 'currency', 'account_id', 'livemode', 'stripe_account', 'created_at'],
    { hint: AGREED, erasable: { account_id: 'account' } },
  ),
  keepColumns('renewal', ['stripe_invoice_id', 'recurring_payment_id', 'created_at'], { hint: AGREED }),
  keepColumns('stripe_customer', ['account_id', 'livemode', 'stripe_account', 'created_at'], {
    hint: AGREED,
    erasable: { account_id: 'account' },
  }),
  keepRows('change', HISTORY),
  // all but when it was told
  keepColumns(
    'change',
    [
      'id',
      'node_type',
      'node_id',
      'version',
      'from_status',
      'to_status',
      'actor',
      'event_id',
      'flow',
      'flow_outcome',
      'note',
      'at',
    ],
    { hint: HISTORY, erasable: { actor: 'actor', note: 'text' } },
  ),
  keepRows('owed_flow', HISTORY),
  keepColumns(
    'owed_flow',
    ['id', 'flow', 'order_id', 'node_type', 'node_id', 'version', 'to_status', 'event_id', 'data', 'created_at'],
    { hint: HISTORY, erasable: { data: 'data' } },
  ),
  keepRows('outgoing_webhook', HISTORY),
  keepRows('audit', HISTORY),
  keepColumns('audit', ['id', 'at', 'actor', 'action', 'detail'], { hint: HISTORY }),
  keepRows('migration', HISTORY),
  keepColumns('migration', ['id', 'timestamp', 'name'], { hint: HISTORY }),
  keepRows('order_binding', 'An order table is bound once and for good.'),
  {
    table: 'order_binding',
    name: 'keep_binding',
    // what was left out may be bound later
    event: `before update on tollgate.order_binding for each row when (${[
      ...['one', 'relation::oid', 'table_name', 'id_column', 'id_type', 'bound_at'].map(
        (column) => `old.${column} is distinct from new.${column}`,
      ),
      ...['owner_column', 'amount_column', 'currency_column', 'currency'].map(
        (column) => `(old.${column} is not null and old.${column} is distinct from new.${column})`,
      ),
      '(old.amount_column is not null and old.amount_unit is distinct from new.amount_unit)',
    ].join(' or ')})`,
    hint: 'An order table is bound once and for good.',
  },
  keepRecent('stripe_event', 'received_at'),
  keepColumns('stripe_event', ['id', 'type', 'object_id', 'received_at'], { hint: HISTORY }),
  keepRecent('idempotency', 'created_at'),
  keepColumns('idempotency', ['account_id', 'operation', 'key', 'input_hash', 'created_at'], {
    hint: MEMORY,
    erasable: { account_id: 'account', key: 'account' },
  }),
  {
    table: 'setting',
    name: 'keep_installation',
    event: `before delete or update on tollgate.setting for each row when (old.key = 'installation')`,
    hint: "The installation's id marks every object that was made at Stripe.",
  },
];

/** From the binding on: until then the order's column has yet to get its type. */
const BOUND: readonly RowRule[] = ['payment', 'recurring_payment', 'renewal'].map(keepOrder);

/** Every rule of rows. They need no superuser, and hold with `session_replication_role = replica` too. */
export const rowRules = (isBound: boolean): readonly RowRule[] => (isBound ? [...LASTING, ...BOUND] : LASTING);

/** What refuses, as PostgreSQL keeps it. */
export const REFUSE_BODY = `
begin
  raise exception 'tollgate: % on tollgate.% is refused', tg_op, tg_table_name
    using errcode = 'TG001', hint = coalesce(tg_argv[0], 'Rows of money are kept for the books.');
end `;

const REFUSE = `create or replace function tollgate.refuse() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $refuse$${REFUSE_BODY}$refuse$`;

/** What follows `create trigger`. */
export const definitionOf = ({ name, event, hint }: RowRule): string =>
  `${name} ${event} execute function tollgate.refuse(${pg.escapeLiteral(hint)})`;

const makeTrigger = (rule: RowRule): string[] => [
  `create or replace trigger ${definitionOf(rule)}`,
  `alter table tollgate.${rule.table} enable always trigger ${rule.name}`,
];

/** Kept as a comment in the database, so that rules of another version of the product are noticed. */
export const RULES_COMMENT = `rules ${createHash('sha256')
  .update([REFUSE, ...rowRules(true).flatMap(makeTrigger)].join(';'))
  .digest('hex')
  .slice(0, 16)}`;

/** Statements that put every rule in place, in one transaction that holds the migrations' key; twice changes nothing. */
export const rowRulesSql = (isBound: boolean): string[] => [
  REFUSE,
  ...rowRules(isBound).flatMap(makeTrigger),
  `comment on function tollgate.refuse() is '${RULES_COMMENT}'`,
];
