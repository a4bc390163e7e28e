import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may change and pause recurring payments: operators at first, and whoever an app grants it to. */
export class RecurringChange1765100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`insert into tollgate.role_permission (role, permission)
      select name, 'RECURRING_CHANGE' from tollgate.role where name = 'admin' on conflict do nothing`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from tollgate.role_permission where permission = 'RECURRING_CHANGE'`);
  }
}
