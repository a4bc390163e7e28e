import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What finding out the unknown outcome of a refund needs to remember. */
export class RefundOutcomes1763800200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table tollgate.refund
      add column last_status integer,
      add column absent_since timestamptz,
      add column checks integer not null default 0,
      add column next_check_at timestamptz`);
    await runner.query(
      `create index refund_unknown on tollgate.refund (next_check_at) where status = 'PENDING' and stripe_refund_id is null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop index tollgate.refund_unknown`);
    await runner.query(`alter table tollgate.refund
      drop column last_status, drop column absent_since, drop column checks, drop column next_check_at`);
  }
}
