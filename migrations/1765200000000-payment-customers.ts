import type { MigrationInterface, QueryRunner } from 'typeorm';

/** One-off payments are made for the account's customer; a method may be saved with one, or be charged that was saved. */
export class PaymentCustomers1765200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment
      add column for_customer boolean not null default false,
      add column stripe_customer_id text,
      add column saves_method boolean not null default false,
      add column saved_method_id text,
      add column off_session boolean not null default false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.payment drop column for_customer, drop column stripe_customer_id,
      drop column saves_method, drop column saved_method_id, drop column off_session`);
  }
}
