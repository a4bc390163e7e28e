import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Flows that failed too often: their changes are applied, and they run later by themselves. */
export class OwedFlows1764620000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.owed_flow (
      id bigint generated always as identity primary key,
      flow text not null,
      order_id text not null,
      node_type text not null,
      node_id text not null,
      version integer not null,
      to_status text not null,
      event_id text,
      data jsonb not null,
      error text not null,
      status text not null default 'OWED',
      tries integer not null default 0,
      next_try_at timestamptz,
      created_at timestamptz not null default now(),
      ended_at timestamptz,
      ended_by text,
      reason text,
      constraint owed_flow_status_known check (status in ('OWED', 'DONE', 'SKIPPED')),
      constraint owed_flow_once unique (node_type, node_id, version)
    )`);
    await runner.query(`create index owed_flow_order on tollgate.owed_flow (order_id, id) where status = 'OWED'`);
    await runner.query(`create index owed_flow_due on tollgate.owed_flow (next_try_at) where status = 'OWED'`);
    await runner.query(`create table tollgate.flow_failure (
      flow text not null,
      node_type text not null,
      node_id text not null,
      to_status text not null,
      order_id text not null,
      event_id text,
      tries integer not null default 1,
      error text not null,
      at timestamptz not null default now(),
      constraint flow_failure_pk primary key (flow, node_type, node_id, to_status)
    )`);
    await runner.query('create index flow_failure_order on tollgate.flow_failure (order_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tollgate.flow_failure');
    await runner.query('drop table tollgate.owed_flow');
  }
}
