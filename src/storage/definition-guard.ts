import pg from 'pg';
import type { GuardedTable } from './order-binding.js';
import { weaknessesSql } from './weaknesses.js';

/**
 * Opens the guard for the rest of the running transaction, and for nothing else: the setting must equal the transaction's
 * own id, so one left behind in a pooled session opens nothing.
 */
export const OPEN_GUARD = `select set_config('tollgate.migration', pg_current_xact_id()::text, true)`;

/** The event triggers, with what they refuse. PostgreSQL lets none but a superuser make them. */
export const EVENT_TRIGGERS = [
  { name: 'tollgate_guard_drop', event: 'sql_drop', verb: 'DROP' },
  { name: 'tollgate_guard_alter', event: 'ddl_command_end', verb: 'ALTER' },
] as const;

const literal = pg.escapeLiteral;

const boundHint = (bound: GuardedTable | undefined): string =>
  bound
    ? `Payments are bound to ${bound.tableName} for good: it keeps its name, its key ${bound.idColumn} with its type, and the bound columns' names. Adding columns stays allowed.`
    : '';

/**
 * A foreign key's copy for one partition of the order table, by the names that PostgreSQL gives them: it goes when the partition is
 * detached, which PostgreSQL refuses while payments refer to it, and in no other way.
 */
const PARTITION_KEY = `(o.object_type = 'table constraint' and o.address_names[1] = 'tollgate'
        and o.address_names[2] in ('payment', 'recurring_payment', 'renewal') and o.address_names[3] ~ '_order_(fk_[0-9]+|id_fkey[0-9]*)$')`;

/**
 * The guard's body. It reads PostgreSQL's catalogs alone: event triggers run with the rights of whoever sent the command,
 * so it must need none, and must run nothing that belongs to someone else.
 */
export const guardBody = (bound: GuardedTable | undefined): string => `
declare
  hit record;
  way record;
begin
  if current_setting('tollgate.migration', true) = pg_current_xact_id()::text then return; end if;
  if tg_event = 'sql_drop' then
    -- a session's own temporary tables come and go often
    if not exists (select from pg_event_trigger_dropped_objects() o where not o.is_temporary) then return; end if;
    select o.object_type, o.object_identity into hit from pg_event_trigger_dropped_objects() o
      where o.original and (o.schema_name in ('tollgate', 'tollgate_guard') or (o.object_type = 'schema' and o.object_identity in ('tollgate', 'tollgate_guard'))
        or (o.object_type in ('trigger', 'rule', 'policy', 'table constraint', 'default value') and o.address_names[1] = 'tollgate'))
        and not ${PARTITION_KEY}
      limit 1;
  else
    if exists (select from pg_event_trigger_ddl_commands()) and not exists (select from pg_event_trigger_ddl_commands() c
      where c.schema_name is distinct from 'pg_temp' or c.command_tag !~ '^CREATE'
        or exists (select from pg_inherits i where i.inhrelid = c.objid)) then return; end if;
    select c.object_type, c.object_identity into hit from pg_event_trigger_ddl_commands() c
      where c.command_tag ~ '^(CREATE|ALTER|SELECT INTO)' and c.command_tag !~ 'PUBLICATION'
        and (c.schema_name in ('tollgate', 'tollgate_guard') or (c.object_type = 'schema' and c.object_identity in ('tollgate', 'tollgate_guard'))
          or (c.object_type in ('trigger', 'rule', 'policy') and c.object_identity ~ ' on tollgate\\.'))
      limit 1;
  end if;
  if found then
    raise exception 'tollgate: % of % % is refused', tg_tag, hit.object_type, hit.object_identity
      using errcode = 'TG002', hint = 'The schema tollgate is changed by its own migrations alone.';
  end if;
  select w.code, w.words into way from (${weaknessesSql(bound)}) w where not w.mended limit 1;
  if found then
    raise exception 'tollgate: % is refused: %', tg_tag, way.words using errcode = way.code, hint = case way.code
      when 'TG003' then ${literal(boundHint(bound))}
      else 'The schema tollgate is changed by its own migrations alone.' end;
  end if;
  if tg_event = 'sql_drop' then
    -- what falls with something else; a foreign key to us takes its own triggers along
    select o.object_type, o.object_identity into hit from pg_event_trigger_dropped_objects() o
      where not ${PARTITION_KEY} and ((o.schema_name = 'tollgate' and o.object_type <> 'trigger')
        or (o.object_type in ('rule', 'policy', 'table constraint', 'default value') and o.address_names[1] = 'tollgate')
        or (o.object_type = 'trigger' and o.address_names[1] = 'tollgate' and o.address_names[3] !~ '^RI_ConstraintTrigger_'))
      limit 1;
    if found then
      raise exception 'tollgate: % is refused, it would drop % %', tg_tag, hit.object_type, hit.object_identity
        using errcode = 'TG002', hint = 'The schema tollgate is changed by its own migrations alone.';
    end if;
  end if;
end `;

const TAG = '$guard$';

/**
 * Statements that put the guard in place, in one transaction that holds the migrations' key; twice changes nothing. It
 * has a schema of its own: dropped together with what it guards, it would not be asked.
 */
export const guardSql = (bound: GuardedTable | undefined): string[] => {
  const body = guardBody(bound);
  return [
    'create schema if not exists tollgate_guard',
    `create or replace function tollgate_guard.guard() returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp set quote_all_identifiers = off as ${
      body.includes(TAG) ? literal(body) : `${TAG}${body}${TAG}`
    }`,
    ...EVENT_TRIGGERS.flatMap(({ name, event }) => [
      `drop event trigger if exists ${name}`,
      `create event trigger ${name} on ${event} execute function tollgate_guard.guard()`,
      `alter event trigger ${name} enable always`,
    ]),
  ];
};
