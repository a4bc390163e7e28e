import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Operators who are sent to the console by a one-time code. Of the code and of what it is exchanged for only hashes are kept. */
export class ConsoleSessions1765360000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.console_session (
      id bigint generated always as identity primary key,
      account_id text not null,
      roles text[] not null,
      code_hash text not null constraint console_session_code_once unique,
      code_ends_at timestamptz not null,
      code_refused_at timestamptz,
      lasts_seconds integer not null constraint console_session_lasts check (lasts_seconds > 0),
      token_hash text constraint console_session_token_once unique,
      begun_at timestamptz,
      ends_at timestamptz,
      ended_at timestamptz,
      created_at timestamptz not null default now(),
      constraint console_session_begun check ((token_hash is null) = (begun_at is null) and (token_hash is null) = (ends_at is null))
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tollgate.console_session');
  }
}
