import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where else changes are told, what waits to be told there, and who may decide it and read the audit. */
export class OutgoingWebhooks1765000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table tollgate.outgoing_webhook (
      id bigint generated always as identity primary key,
      url text not null,
      event_types text[] not null,
      enabled boolean not null default true,
      description text,
      secrets jsonb not null,
      ended_reason text,
      created_at timestamptz not null default now(),
      deleted_at timestamptz
    )`);
    await runner.query(`create table tollgate.outgoing_delivery (
      id bigint generated always as identity primary key,
      webhook_id bigint not null constraint outgoing_delivery_webhook_fk references tollgate.outgoing_webhook (id),
      message_id text not null,
      event_type text not null,
      node_type text,
      node_id text,
      version integer,
      from_status text,
      snapshot jsonb not null,
      status text not null default 'WAITING',
      attempts integer not null default 0,
      next_attempt_at timestamptz default now(),
      last_status_code integer,
      last_error text,
      created_at timestamptz not null default now(),
      delivered_at timestamptz,
      constraint outgoing_delivery_status_known check (status in ('WAITING', 'DELIVERED', 'FAILED', 'DEAD')),
      constraint outgoing_delivery_once unique (webhook_id, event_type, node_type, node_id, version)
    )`);
    await runner.query(`create index outgoing_delivery_due on tollgate.outgoing_delivery (webhook_id, next_attempt_at)
      where status in ('WAITING', 'FAILED')`);
    await runner.query(`create index outgoing_delivery_queue on tollgate.outgoing_delivery (webhook_id, id)
      where status in ('WAITING', 'FAILED')`);
    await runner.query(`create index outgoing_delivery_behind on tollgate.outgoing_delivery (webhook_id, node_type, node_id, id)
      where status in ('WAITING', 'FAILED')`);
    await runner.query(`create index outgoing_delivery_listed on tollgate.outgoing_delivery (webhook_id, id)`);
    await runner.query(`create index outgoing_delivery_ended on tollgate.outgoing_delivery (created_at)
      where status in ('DELIVERED', 'DEAD')`);
    await runner.query(`create table tollgate.outgoing_order (
      order_id text constraint outgoing_order_pk primary key,
      look_at timestamptz,
      told_at timestamptz
    )`);
    await runner.query(
      'create index outgoing_order_look on tollgate.outgoing_order (look_at) where look_at is not null',
    );
    await makeTelling(runner);
    await runner.query(`insert into tollgate.role_permission (role, permission)
      select name, p from tollgate.role, unnest(array['OUTGOING_WEBHOOK_MANAGE', 'AUDIT_READ']) p
      where name = 'admin' on conflict do nothing`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `delete from tollgate.role_permission where permission in ('OUTGOING_WEBHOOK_MANAGE', 'AUDIT_READ')`,
    );
    await runner.query('drop trigger tell_outside on tollgate.change');
    await runner.query('drop function tollgate.tell_outside()');
    await runner.query('drop table tollgate.outgoing_order');
    await runner.query('drop table tollgate.outgoing_delivery');
    await runner.query('drop table tollgate.outgoing_webhook');
  }
}

/**
 * Each version is queued in the transaction that writes it, with the row as it is then. By its owner's rights, so that a server whose
 * role has yet to get rights on the new tables goes on.
 */
const makeTelling = async (runner: QueryRunner): Promise<void> => {
  await runner.query(`create function tollgate.tell_outside() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $tell$
  begin
    if not exists (select from tollgate.outgoing_webhook where enabled) then return null; end if;
    insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, from_status, snapshot)
      select w.id, gen_random_uuid()::text, t.event_type, f.node_type, f.node_id::text, f.version, f.from_status, t.snapshot
      from fresh f cross join lateral (
        select 'payment.updated' as event_type, to_jsonb(r) as snapshot from tollgate.payment r
          where f.node_type = 'PAYMENT' and r.id = f.node_id
        union all select 'refund.updated', to_jsonb(r) from tollgate.refund r where f.node_type = 'REFUND' and r.id = f.node_id
        union all select 'dispute.updated', to_jsonb(r) from tollgate.dispute r where f.node_type = 'DISPUTE' and r.id = f.node_id
        union all select 'recurring_payment.updated', to_jsonb(r) from tollgate.recurring_payment r
          where f.node_type = 'RECURRING_PAYMENT' and r.id = f.node_id) t
      join tollgate.outgoing_webhook w on w.enabled and t.event_type = any(w.event_types)
      order by f.id, w.id;
    insert into tollgate.outgoing_order as o (order_id, look_at)
      select distinct r.order_id::text, now() from fresh f join tollgate.payment r on r.id = f.node_id
      where f.node_type = 'PAYMENT' and f.to_status = 'SUCCESSFUL' and f.from_status is distinct from f.to_status
        and exists (select from tollgate.outgoing_webhook where enabled and 'order.paid' = any(event_types))
      on conflict (order_id) do update set look_at = excluded.look_at where o.told_at is null;
    return null;
  end $tell$`);
  await runner.query(`create trigger tell_outside after insert on tollgate.change referencing new table as fresh
    for each statement execute function tollgate.tell_outside()`);
  await runner.query('alter table tollgate.change enable always trigger tell_outside');
};
