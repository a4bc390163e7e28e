import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Disputes of payments, what they have taken, and who may read them. */
export class Disputes1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.dispute (
      id bigint primary key default nextval('tollgate.node_id'),
      payment_id bigint not null constraint dispute_payment_fk references tollgate.payment (id),
      amount bigint not null,
      currency text not null,
      status text not null,
      reason text not null,
      is_refundable boolean not null,
      evidence_due_by timestamptz,
      stripe_dispute_id text not null,
      livemode boolean not null,
      stripe_account text not null,
      seen_at timestamptz not null,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint dispute_amount_not_negative check (amount >= 0),
      constraint dispute_status_known check (status in ('WARNING_NEEDS_RESPONSE', 'WARNING_UNDER_REVIEW', 'WARNING_CLOSED', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'PREVENTED')),
      constraint dispute_stripe_once unique (stripe_dispute_id)
    )`);
    await runner.query('create index dispute_payment on tollgate.dispute (payment_id)');
    await runner.query(
      `create index dispute_open on tollgate.dispute (id) where status in ('WARNING_NEEDS_RESPONSE', 'WARNING_UNDER_REVIEW', 'NEEDS_RESPONSE', 'UNDER_REVIEW')`,
    );
    await runner.query('alter table tollgate.payment add column amount_disputed bigint not null default 0');
    await runner.query(
      'alter table tollgate.payment add constraint payment_disputed_not_negative check (amount_disputed >= 0)',
    );
    await runner.query(`insert into tollgate.role_permission (role, permission)
      select name, 'DISPUTE_READ' from tollgate.role where name = 'admin' on conflict do nothing`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from tollgate.role_permission where permission = 'DISPUTE_READ'`);
    await runner.query('alter table tollgate.payment drop column amount_disputed');
    await runner.query('drop table tollgate.dispute');
  }
}
