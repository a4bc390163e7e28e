import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who changed what of the installation; only ever appended to. */
export class Audit1764319200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.audit (
      id bigint generated always as identity primary key,
      at timestamptz not null default now(),
      actor text not null,
      action text not null,
      detail jsonb not null
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tollgate.audit');
  }
}
