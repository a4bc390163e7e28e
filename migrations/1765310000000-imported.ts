import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when a subscription that Stripe had already is bound: what was settled before isn't ours. */
export class Imported1765310000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.recurring_payment add column imported_at timestamptz');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.recurring_payment drop column imported_at');
  }
}
