import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What held up a process until it was ended: one row each time, so that nothing is tried for ever. */
export class FlowFreezes1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.flow_freeze (
      id bigint generated always as identity primary key,
      sort text not null constraint flow_freeze_sort_known check (sort in ('flow', 'effect')),
      name text not null,
      subject text not null,
      event_id text,
      event text,
      place text,
      at timestamptz not null default now(),
      counted_at timestamptz
    )`);
    await runner.query('create index flow_freeze_subject on tollgate.flow_freeze (sort, name, subject)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tollgate.flow_freeze');
  }
}
