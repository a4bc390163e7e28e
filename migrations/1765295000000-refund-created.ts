import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sums of refunds by when they were begun. */
export class RefundCreated1765295000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create index refund_created on tollgate.refund (created_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index tollgate.refund_created');
  }
}
