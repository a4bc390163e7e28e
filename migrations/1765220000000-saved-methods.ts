import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The saving of payment methods, and who may: customers their own, operators all. */
export class SavedMethods1765220000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.method_setup (
      id bigint primary key default nextval('tollgate.node_id'),
      account_id text not null,
      livemode boolean not null,
      stripe_account text not null,
      mode text not null constraint method_setup_mode_known check (mode in ('ELEMENTS', 'CHECKOUT')),
      success_url text,
      cancel_url text,
      is_open boolean not null default true,
      stripe_customer_id text,
      stripe_object_id text,
      attempt integer not null default 1,
      attempted_at timestamptz,
      created_at timestamptz not null default now(),
      constraint method_setup_object_once unique (stripe_object_id)
    )`);
    await runner.query(`create unique index method_setup_open_once on tollgate.method_setup (account_id, livemode, stripe_account)
      where is_open`);
    await runner.query(`insert into tollgate.role_permission (role, permission)
      select name, 'PAYMENT_METHOD_MANAGE' from tollgate.role where name in ('logged_in', 'admin') on conflict do nothing`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from tollgate.role_permission where permission = 'PAYMENT_METHOD_MANAGE'`);
    await runner.query('drop table tollgate.method_setup');
  }
}
