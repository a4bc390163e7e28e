import pg from 'pg';

/** The columns of the app's order table that the binding names. */
export interface GuardedTable {
  /** Schema-qualified, quoted where SQL needs it. */
  readonly tableName: string;
  readonly idColumn: string;
  /** Bound columns beside the key. */
  readonly columns: readonly string[];
}

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

/** After any command the order table must be where it was, with its key's name and type and our link to it. */
const bindingRule = ({ tableName, idColumn, columns }: GuardedTable): string => `
  if not exists (
    select from pg_constraint f
      join pg_class p on p.oid = f.conrelid join pg_namespace pn on pn.oid = p.relnamespace
      join pg_class t on t.oid = f.confrelid join pg_namespace tn on tn.oid = t.relnamespace
      join pg_attribute k on k.attrelid = f.confrelid and k.attnum = f.confkey[1]
      join pg_attribute o on o.attrelid = f.conrelid and o.attnum = f.conkey[1]
    where f.contype = 'f' and f.convalidated and pn.nspname = 'tollgate' and p.relname = 'payment'
      and format('%I.%I', tn.nspname, t.relname) = ${literal(tableName)}
      and k.attname = ${literal(idColumn)} and k.atttypid = o.atttypid) then
    raise exception 'tollgate: % is refused, payments are bound to the order table % for good', tg_tag, ${literal(tableName)}
      using errcode = 'TG003', hint = ${literal(`The table keeps its name, its key ${idColumn} and the key's type. Adding columns stays allowed.`)};
  end if;${columns.length === 0 ? '' : columnsRule(tableName, columns)}`;

const columnsRule = (tableName: string, columns: readonly string[]): string => `
  select c into lost from unnest(array[${columns.map(literal).join(', ')}]) c
    where not exists (
      select from pg_attribute a join pg_class t on t.oid = a.attrelid join pg_namespace n on n.oid = t.relnamespace
      where format('%I.%I', n.nspname, t.relname) = ${literal(tableName)} and a.attname = c and not a.attisdropped)
    limit 1;
  if found then
    raise exception 'tollgate: % is refused, payments read the column % of the order table %', tg_tag, lost, ${literal(tableName)}
      using errcode = 'TG003', hint = 'Bound columns keep their names. Adding columns stays allowed.';
  end if;`;

/**
 * The guard's body. It reads PostgreSQL's catalogs alone: event triggers run with the rights of whoever sent the command,
 * so it must need none, and must run nothing that belongs to someone else.
 */
export const guardBody = (bound: GuardedTable | undefined): string => `
declare
  hit record;
  lost text;
begin
  if current_setting('tollgate.migration', true) = pg_current_xact_id()::text then return; end if;
  if tg_event = 'sql_drop' then
    select o.object_type, o.object_identity into hit from pg_event_trigger_dropped_objects() o
      where o.original and (o.schema_name in ('tollgate', 'tollgate_guard') or (o.object_type = 'schema' and o.object_identity in ('tollgate', 'tollgate_guard'))
        or (o.object_type in ('trigger', 'rule', 'policy', 'table constraint', 'default value') and o.address_names[1] = 'tollgate'))
      limit 1;
  else
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
  select t into lost from unnest(array['payment', 'refund', 'recurring_payment', 'order_binding']) t
    where not exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'tollgate' and c.relname = t and c.relkind in ('r', 'p'))
    limit 1;
  if found then
    raise exception 'tollgate: % is refused, tollgate.% would be gone', tg_tag, lost
      using errcode = 'TG002', hint = 'The schema tollgate is changed by its own migrations alone.';
  end if;${bound ? bindingRule(bound) : ''}
  if tg_event = 'sql_drop' then
    -- what falls with something else; a foreign key to us takes its own triggers along
    select o.object_type, o.object_identity into hit from pg_event_trigger_dropped_objects() o
      where (o.schema_name = 'tollgate' and o.object_type <> 'trigger')
        or (o.object_type in ('rule', 'policy', 'table constraint', 'default value') and o.address_names[1] = 'tollgate')
        or (o.object_type = 'trigger' and o.address_names[1] = 'tollgate' and o.address_names[3] !~ '^RI_ConstraintTrigger_')
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
    `create or replace function tollgate_guard.guard() returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp as ${
      body.includes(TAG) ? literal(body) : `${TAG}${body}${TAG}`
    }`,
    ...EVENT_TRIGGERS.flatMap(({ name, event }) => [
      `drop event trigger if exists ${name}`,
      `create event trigger ${name} on ${event} execute function tollgate_guard.guard()`,
      `alter event trigger ${name} enable always`,
    ]),
  ];
};
