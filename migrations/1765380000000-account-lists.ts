import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What one account has is listed, and written to a file, in the same order as everything else. */
export class AccountLists1765380000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['payment', 'recurring_payment']) {
      await runner.query(`drop index tollgate.${table}_account`);
      await runner.query(`create index ${table}_account on tollgate.${table} (account_id, created_at, id)`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['payment', 'recurring_payment']) {
      await runner.query(`drop index tollgate.${table}_account`);
      await runner.query(`create index ${table}_account on tollgate.${table} (account_id)`);
    }
  }
}
