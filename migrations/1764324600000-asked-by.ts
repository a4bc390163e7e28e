import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who asked Stripe for what, so that the timeline names them too where the event comes before the answer. The release before goes on. */
export class AskedBy1764324600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['payment', 'recurring_payment'])
      await runner.query(`alter table tollgate.${table} add column asked_for text, add column asked_by text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['payment', 'recurring_payment'])
      await runner.query(`alter table tollgate.${table} drop column asked_for, drop column asked_by`);
  }
}
