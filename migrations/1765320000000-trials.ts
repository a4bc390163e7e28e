import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which trial a recurring payment began with, so that an account gets that of a price once where the operator wants it so. */
export class Trials1765320000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `alter table tollgate.recurring_payment add column trial_days integer, add column trial_price_id text`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.recurring_payment drop column trial_days, drop column trial_price_id');
  }
}
