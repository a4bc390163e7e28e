import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was agreed on last, the change that waits for the period's end, and who is changing a recurring payment just now. The release
 * before goes on: for its rows what was agreed on is the amount at the start.
 */
export class RecurringTerms1765210000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.recurring_payment
      add column agreed_amount bigint constraint recurring_payment_agreed_not_negative check (agreed_amount >= 0),
      add column pending_price_id text,
      add column pending_quantity integer,
      add column pending_at timestamptz,
      add column change_number integer not null default 0,
      add column changing_until timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.recurring_payment drop column agreed_amount, drop column pending_price_id,
      drop column pending_quantity, drop column pending_at, drop column change_number, drop column changing_until`);
  }
}
