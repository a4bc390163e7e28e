import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A change that is to wait again once the scheduled end is taken back, written down before that is done. */
export class Restoring1765350000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.recurring_payment
      add column restoring_by text,
      add column restoring_since timestamptz`);
    await runner.query(`create index recurring_payment_restoring on tollgate.recurring_payment (restoring_since)
      where restoring_by is not null`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table tollgate.recurring_payment drop column restoring_by, drop column restoring_since');
  }
}
