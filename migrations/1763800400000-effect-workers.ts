import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who runs effects, and when each was last alive: what a killed process had begun is freed by the others. */
export class EffectWorkers1763800400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create table tollgate.effect_worker (id text primary key, seen_at timestamptz not null default now())`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table tollgate.effect_worker`);
  }
}
