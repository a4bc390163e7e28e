import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may send documents that a manifest does not list: operators at first, and whoever an app grants it to. */
export class AnyDocument1765340000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`insert into tollgate.role_permission (role, permission)
      select name, 'DOCUMENT_ANY' from tollgate.role where name = 'admin' on conflict do nothing`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`delete from tollgate.role_permission where permission = 'DOCUMENT_ANY'`);
  }
}
