import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLES: Readonly<Record<string, string>> = {
  anonymous: 'PUBLIC',
  logged_in: 'PUBLIC PAYMENT_CREATE PAYMENT_READ REFUND_READ RECURRING_CREATE RECURRING_CANCEL RECURRING_READ',
  admin:
    'PUBLIC PAYMENT_CREATE PAYMENT_READ PAYMENT_READ_ANY PAYMENT_MANAGE REFUND_CREATE REFUND_READ REFUND_READ_ANY ' +
    'RECURRING_CREATE RECURRING_CANCEL RECURRING_READ RECURRING_READ_ANY SETTINGS_READ SETTINGS_MANAGE ROLE_MANAGE ' +
    'EVENT_READ EVENT_REPLAY',
};

/** Every table of the product, with its money rules. Activation links them to the app's order table. */
export class Foundation1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create schema if not exists tollgate`);
    await runner.query(`create sequence tollgate.node_id`);
    await this.createMoneyTables(runner);
    await this.createInbox(runner);
    await this.createSettings(runner);
    await this.protectRows(runner);
  }

  private async createMoneyTables(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.recurring_payment (
      id bigint primary key default nextval('tollgate.node_id'),
      order_id bigint not null,
      account_id text,
      price_id text not null,
      quantity integer not null default 1,
      status text not null default 'INCOMPLETE',
      mode text not null default 'ELEMENTS',
      initial_amount bigint not null,
      currency text not null,
      cancel_at_period_end boolean not null default false,
      cancel_at timestamptz,
      canceled_at timestamptz,
      ended_at timestamptz,
      collection_paused boolean not null default false,
      current_period_end timestamptz,
      stripe_subscription_id text,
      stripe_checkout_session_id text,
      livemode boolean not null,
      stripe_account text not null,
      attempt integer not null default 1,
      attempted_at timestamptz,
      seen_at timestamptz,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint recurring_payment_quantity_positive check (quantity > 0),
      constraint recurring_payment_amount_not_negative check (initial_amount >= 0),
      constraint recurring_payment_status_known check (status in ('INCOMPLETE', 'INCOMPLETE_EXPIRED', 'TRIALING', 'ACTIVE', 'PAST_DUE', 'UNPAID', 'PAUSED', 'CANCELED')),
      constraint recurring_payment_subscription_once unique (stripe_subscription_id)
    )`);
    await runner.query(
      `create unique index recurring_payment_live_once on tollgate.recurring_payment (order_id, livemode, stripe_account) where status not in ('CANCELED', 'INCOMPLETE_EXPIRED')`,
    );
    await runner.query(`create index recurring_payment_account on tollgate.recurring_payment (account_id)`);
    await runner.query(`create table tollgate.payment (
      id bigint primary key default nextval('tollgate.node_id'),
      order_id bigint not null,
      account_id text,
      amount bigint not null,
      currency text not null,
      status text not null default 'PENDING',
      mode text not null default 'ELEMENTS',
      capture_method text not null default 'AUTOMATIC',
      amount_received bigint not null default 0,
      amount_refunded bigint not null default 0,
      amount_refund_pending bigint not null default 0,
      description text,
      failure_code text,
      failure_message text,
      recurring_payment_id bigint constraint payment_recurring_fk references tollgate.recurring_payment (id),
      stripe_payment_intent_id text,
      stripe_checkout_session_id text,
      stripe_invoice_id text,
      stripe_charge_id text,
      livemode boolean not null,
      stripe_account text not null,
      attempt integer not null default 1,
      attempted_at timestamptz,
      seen_at timestamptz,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint payment_amount_positive check (amount > 0 or (amount = 0 and stripe_invoice_id is not null)),
      constraint payment_received_not_negative check (amount_received >= 0),
      constraint payment_refunded_within_received check (amount_refunded between 0 and amount_received),
      constraint payment_refund_pending_not_negative check (amount_refund_pending >= 0),
      constraint payment_currency_code check (currency ~ '^[A-Z]{3}$'),
      constraint payment_status_known check (status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE', 'SUCCESSFUL', 'FAILED', 'CANCELED', 'QUARANTINED')),
      constraint payment_intent_once unique (stripe_payment_intent_id),
      constraint payment_checkout_session_once unique (stripe_checkout_session_id),
      constraint payment_invoice_once unique (stripe_invoice_id)
    )`);
    await runner.query(
      `create unique index payment_open_once on tollgate.payment (order_id, livemode, stripe_account) where stripe_invoice_id is null and (status in ('PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE') or (status = 'FAILED' and stripe_payment_intent_id is not null))`,
    );
    await runner.query(`create index payment_order on tollgate.payment (order_id)`);
    await runner.query(`create index payment_account on tollgate.payment (account_id)`);
    await runner.query(`create index payment_recurring on tollgate.payment (recurring_payment_id)`);
    await runner.query(`create table tollgate.refund (
      id bigint primary key default nextval('tollgate.node_id'),
      payment_id bigint not null constraint refund_payment_fk references tollgate.payment (id),
      amount bigint not null,
      currency text not null,
      status text not null default 'PENDING',
      reason text,
      stripe_reason text,
      failure_reason text,
      stripe_refund_id text,
      livemode boolean not null,
      stripe_account text not null,
      attempt integer not null default 1,
      attempted_at timestamptz,
      seen_at timestamptz,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint refund_amount_positive check (amount > 0),
      constraint refund_status_known check (status in ('PENDING', 'REQUIRES_ACTION', 'REFUNDED', 'FAILED', 'CANCELED')),
      constraint refund_stripe_once unique (stripe_refund_id)
    )`);
    await runner.query(`create index refund_payment on tollgate.refund (payment_id)`);
    await runner.query(`create table tollgate.renewal (
      stripe_invoice_id text primary key,
      recurring_payment_id bigint not null constraint renewal_recurring_payment_fk references tollgate.recurring_payment (id),
      decided_amount bigint,
      original_amount bigint,
      order_id bigint,
      lowered_at timestamptz,
      created_at timestamptz not null default now()
    )`);
    await runner.query(`create table tollgate.change (
      id bigint generated always as identity primary key,
      node_type text not null,
      node_id bigint not null,
      version integer not null,
      from_status text,
      to_status text not null,
      actor text not null,
      event_id text,
      flow text,
      flow_outcome text,
      note text,
      at timestamptz not null default now(),
      published_at timestamptz,
      constraint change_version_once unique (node_type, node_id, version)
    )`);
    await runner.query(`create index change_unpublished on tollgate.change (at) where published_at is null`);
    await runner.query(`create index change_event on tollgate.change (event_id) where event_id is not null`);
  }

  private async createInbox(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.stripe_event (
      id text primary key,
      type text not null,
      object_id text,
      status text not null,
      reason text,
      attempts integer not null default 1,
      last_error text,
      next_attempt_at timestamptz,
      payload text,
      received_at timestamptz not null default now(),
      processed_at timestamptz
    )`);
    await runner.query(
      `create index stripe_event_due on tollgate.stripe_event (next_attempt_at) where status in ('RECEIVED', 'FAILED')`,
    );
    await runner.query(`create index stripe_event_received on tollgate.stripe_event (received_at)`);
    await runner.query(`create table tollgate.idempotency (
      id bigint generated always as identity primary key,
      account_id text,
      operation text not null,
      key text not null,
      input_hash text not null,
      node_id bigint,
      created_at timestamptz not null default now()
    )`);
    await runner.query(
      `create unique index idempotency_once on tollgate.idempotency (account_id, operation, key) nulls not distinct`,
    );
  }

  private async createSettings(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.setting (
      key text primary key,
      value jsonb not null,
      updated_at timestamptz not null default now()
    )`);
    await runner.query(
      `insert into tollgate.setting (key, value) values ('installation', to_jsonb(gen_random_uuid()::text))`,
    );
    await runner.query(`create table tollgate.order_binding (
      one boolean primary key default true,
      relation regclass not null,
      table_name text not null,
      id_column text not null,
      id_type text not null,
      owner_column text,
      amount_column text,
      currency_column text,
      bound_at timestamptz not null default now(),
      constraint order_binding_one check (one)
    )`);
    await runner.query(`create table tollgate.stripe_customer (
      account_id text not null,
      livemode boolean not null,
      stripe_account text not null,
      stripe_customer_id text,
      attempt integer not null default 1,
      created_at timestamptz not null default now(),
      primary key (account_id, livemode, stripe_account)
    )`);
    await runner.query(
      `create table tollgate.role (name text primary key, created_at timestamptz not null default now())`,
    );
    await runner.query(`create table tollgate.role_permission (
      role text not null constraint role_permission_role_fk references tollgate.role (name),
      permission text not null,
      primary key (role, permission)
    )`);
    await runner.query(`create table tollgate.account_role (
      account_id text not null,
      role text not null constraint account_role_role_fk references tollgate.role (name),
      primary key (account_id, role)
    )`);
    await runner.query(`create index account_role_role on tollgate.account_role (role)`);
    for (const [role, permissions] of Object.entries(ROLES)) {
      await runner.query(`insert into tollgate.role (name) values ($1)`, [role]);
      await runner.query(`insert into tollgate.role_permission (role, permission) select $1, unnest($2::text[])`, [
        role,
        permissions.split(' '),
      ]);
    }
  }

  /** Money rows are kept for the books: no DELETE, no TRUNCATE, and what was agreed on can't be edited afterwards. */
  private async protectRows(runner: QueryRunner): Promise<void> {
    await runner.query(`create function tollgate.refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'tollgate: % on tollgate.% is refused', tg_op, tg_table_name
          using errcode = 'TG001', hint = 'Rows of money are kept for the books; amounts, currencies, orders and the binding never change.';
      end $$`);
    // The order's column gets its trigger at activation: its type changes until then.
    const fixed: Readonly<Record<string, readonly string[]>> = {
      payment: ['id', 'amount', 'currency', 'livemode', 'stripe_account'],
      refund: ['id', 'payment_id', 'amount', 'currency', 'livemode', 'stripe_account'],
      recurring_payment: ['id', 'initial_amount', 'currency', 'livemode', 'stripe_account'],
    };
    for (const [table, columns] of Object.entries(fixed)) {
      const differs = columns.map((column) => `old.${column} is distinct from new.${column}`).join(' or ');
      await runner.query(
        `create trigger keep_columns before update of ${columns.join(', ')} on tollgate.${table} for each row when (${differs}) execute function tollgate.refuse()`,
      );
      await runner.query(`alter table tollgate.${table} enable always trigger keep_columns`);
    }
    await runner.query(
      `create trigger keep_binding before update on tollgate.order_binding for each row execute function tollgate.refuse()`,
    );
    await runner.query(`alter table tollgate.order_binding enable always trigger keep_binding`);
    for (const table of [...Object.keys(fixed), 'renewal', 'change', 'order_binding']) {
      await runner.query(
        `create trigger keep_rows before delete on tollgate.${table} for each row execute function tollgate.refuse()`,
      );
      await runner.query(
        `create trigger keep_table before truncate on tollgate.${table} for each statement execute function tollgate.refuse()`,
      );
      await runner.query(
        `alter table tollgate.${table} enable always trigger keep_rows, enable always trigger keep_table`,
      );
    }
  }

  /** The books can't be undone: going back means restoring a backup. */
  async down(): Promise<void> {
    throw new Error('This migration makes the tables of money; restore a backup instead of undoing it.');
  }
}
