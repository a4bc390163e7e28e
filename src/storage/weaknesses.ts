import pg from 'pg';
import { type GuardedTable, namesOf } from './order-binding.js';
import { definitionOf, REFUSE_BODY, rowRules, TABLES } from './row-rules.js';

const literal = pg.escapeLiteral;
const list = (values: readonly string[]): string => values.map((value) => `(${literal(value)})`).join(', ');

/** Foreign keys that tie the books together, by the table that has them; those to orders exist from the binding on. */
const foreignKeys = (isBound: boolean): readonly (readonly [string, string])[] => [
  ['payment', 'payment_recurring_fk'],
  ['refund', 'refund_payment_fk'],
  ['dispute', 'dispute_payment_fk'],
  ['renewal', 'renewal_recurring_payment_fk'],
  ...(isBound ? ['payment', 'recurring_payment', 'renewal'].map((table) => [table, `${table}_order_fk`] as const) : []),
];

/** Some state of the catalogs that opens a way around the rules. */
interface Weakness {
  readonly code: 'TG002' | 'TG003';
  /** True for what our own statements put right when they are applied again. */
  readonly isMended?: boolean;
  /** A query of one column `words`: what is so. `ours` are the relations of the schema. */
  readonly find: string;
}

const TABLES_THERE: Weakness = {
  code: 'TG002',
  find: `select format('tollgate.%s is gone or is no ordinary table', t) from (values ${list(TABLES)}) v (t)
      where not exists (select from ours where relname = t and relkind = 'r' and relpersistence = 'p')`,
};

/** Not by a name that PostgreSQL looks up: that would ask for rights on the schema. */
const REFUSE = `(select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'tollgate' and p.proname = 'refuse')`;

/** Made by migrations: a recurring payment moves with its payments, and every version is queued for who else is told. */
const MADE_TRIGGERS = [
  [
    'payment',
    'follow_new_payment',
    `follow_new_payment after insert on tollgate.payment for each row when (new.recurring_payment_id is not null)
      execute function tollgate.follow_payment()`,
  ],
  [
    'payment',
    'follow_payment',
    `follow_payment after update of version on tollgate.payment for each row
      when (new.recurring_payment_id is not null and old.version is distinct from new.version)
      execute function tollgate.follow_payment()`,
  ],
  [
    'change',
    'tell_outside',
    `tell_outside after insert on tollgate.change referencing new table as fresh for each statement
      execute function tollgate.tell_outside()`,
  ],
  [
    'change',
    'announce',
    `announce after insert on tollgate.change referencing new table as fresh for each statement
      execute function tollgate.announce()`,
  ],
] as const;
const FOLLOW_BODY = `declare followed record;
  begin
    update tollgate.recurring_payment set version = version + 1, updated_at = now()
      where id = new.recurring_payment_id returning id, version, status into followed;
    insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, note)
      values ('RECURRING_PAYMENT', followed.id, followed.version, followed.status, followed.status,
        'payment:' || new.id, 'Its payment ' || new.id || ' is ' || new.status
          || case when new.status = 'FAILED' then coalesce(' (' || concat_ws(': ', new.failure_code, new.failure_message) || ')', '') else '' end
          || ', version ' || new.version || '.');
    return null;
  end`;
const TELL_BODY = `begin
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
  end`;
const ANNOUNCE_BODY = `begin
      insert into tollgate.outbox (node_type, node_ids, versions, at)
        select f.node_type, array_agg(f.node_id), array_agg(f.version), min(f.at) from fresh f group by f.node_type;
      return null;
    end`;
const MADE_FUNCTIONS = [
  ['follow_payment', FOLLOW_BODY],
  ['tell_outside', TELL_BODY],
  ['announce', ANNOUNCE_BODY],
] as const;

/** Without what PostgreSQL's way to write it depends on: the path of schemas, quotes, parentheses, casts of varchar. */
const bare = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll('tollgate.', '')
    .replace(/[\s()"]|::text/g, '');
const bareSql = (sql: string): string =>
  `regexp_replace(replace(lower(${sql}), 'tollgate.', ''), '[[:space:]()"]|::text', '', 'g')`;

/** Triggers by table and name that are not there as they should be: always on, and defined in these words. */
const lackingTriggers = (what: string, triggers: readonly (readonly [string, string, string])[]): string => `
  select format('the ${what} %s of tollgate.%s is missing, switched off or another one', r.name, r.t)
  from (values ${triggers
    .map(
      ([table, name, definition]) =>
        `(${literal(table)}, ${literal(name)}, ${literal(bare(`create trigger ${definition}`))})`,
    )
    .join(', ')}) r (t, name, definition)
  where not exists (select from pg_trigger t join ours o on o.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
    where o.relname = r.t and t.tgname = r.name and t.tgenabled = 'A'
      and p.pronamespace = (select oid from pg_namespace where nspname = 'tollgate')
      and ${bareSql('pg_get_triggerdef(t.oid)')} = r.definition)`;

const definitions = (isBound: boolean): readonly Weakness[] => [
  {
    // what a parent's owner does to the parent is done to the child
    code: 'TG002',
    find: `select format('tollgate.%s inherits or is inherited from: %s is tied to it', o.relname,
        (case when i.inhrelid = o.oid then i.inhparent else i.inhrelid end)::regclass)
      from pg_inherits i join ours o on o.oid in (i.inhparent, i.inhrelid) where o.relkind = 'r'`,
  },
  {
    code: 'TG002',
    find: `select format('tollgate.%s has a trigger that is not Tollgate''s: %s', o.relname, t.tgname)
      from pg_trigger t join ours o on o.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
      where not t.tgisinternal and p.pronamespace <> (select oid from pg_namespace where nspname = 'tollgate')`,
  },
  {
    code: 'TG002',
    isMended: true,
    find: lackingTriggers(
      'rule',
      rowRules(isBound).map((rule) => [rule.table, rule.name, definitionOf(rule)] as const),
    ),
  },
  {
    code: 'TG002',
    find: lackingTriggers('trigger', MADE_TRIGGERS),
  },
  ...MADE_FUNCTIONS.map(([name, body]) => ({
    code: 'TG002' as const,
    find: `select 'the function tollgate.${name}() does something else' from pg_proc p
      where p.pronamespace = (select oid from pg_namespace where nspname = 'tollgate') and p.proname = '${name}'
        and ${bareSql('p.prosrc')} <> ${literal(bare(body))}`,
  })),
  {
    code: 'TG002',
    isMended: true,
    find: `select 'the function tollgate.refuse() does something else' from pg_proc p
      where p.oid = ${REFUSE} and p.prosrc <> ${literal(REFUSE_BODY)}`,
  },
  {
    code: 'TG002',
    find: `select format('tollgate.%s has the rewrite rule %s', o.relname, r.rulename)
      from pg_rewrite r join ours o on o.oid = r.ev_class where o.relkind = 'r'`,
  },
  {
    code: 'TG002',
    find: `select format('tollgate.%s has row-level security or a policy', o.relname) from ours o
      where o.relrowsecurity or o.relforcerowsecurity or exists (select from pg_policy p where p.polrelid = o.oid)`,
  },
  {
    code: 'TG002',
    find: `select format('the foreign key %s of tollgate.%s is gone or not valid', f.name, f.t)
      from (values ${foreignKeys(isBound)
        .map(([table, name]) => `(${literal(table)}, ${literal(name)})`)
        .join(', ')}) f (t, name)
      where not exists (select from pg_constraint c join ours o on o.oid = c.conrelid
        where o.relname = f.t and c.conname = f.name and c.contype = 'f' and c.convalidated)`,
  },
  {
    // its checks are PostgreSQL's own triggers, on both tables
    code: 'TG002',
    find: `select format('the foreign key %s of tollgate.%s is switched off', c.conname, o.relname)
      from pg_constraint c join ours o on o.oid = c.conrelid
      where c.contype = 'f' and exists (select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled in ('D', 'R'))`,
  },
  {
    // an update of a row that such a filter can't see in the key fails
    code: 'TG002',
    find: `select format('the publication %s holds a part of tollgate.%s', p.pubname, o.relname)
      from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join ours o on o.oid = r.prrelid
      where r.prqual is not null or r.prattrs is not null`,
  },
  {
    // what belongs to an extension is in no backup, and goes with it
    code: 'TG002',
    find: `select format('%s belongs to the extension %s or goes with it', pg_describe_object(d.classid, d.objid, 0), e.extname)
      from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where d.deptype in ('e', 'x') and ((d.classid = 'pg_class'::regclass and d.objid in (select oid from ours))
        or (d.classid = 'pg_namespace'::regclass and d.objid = any (spaces.oids))
        or (d.classid = 'pg_proc'::regclass and exists (select from pg_proc p where p.oid = d.objid and p.pronamespace = any (spaces.oids)))
        or (d.classid = 'pg_trigger'::regclass and exists (select from pg_trigger t join ours o on o.oid = t.tgrelid where t.oid = d.objid)))`,
  },
  {
    // the next migration's tables would be born with them
    code: 'TG002',
    find: `select 'the schema tollgate has default privileges' from pg_default_acl d where d.defaclnamespace = any (spaces.oids)`,
  },
];

const oidOf = (tableName: string): string => {
  const { schema, table } = namesOf(tableName);
  return `(select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${literal(schema)} and c.relname = ${literal(table)})`;
};

/** Our column has the key's own type: that which a domain is made of, and text for varchar. */
const IS_KEY_TYPE = `exists (with recursive b (oid) as (select k.atttypid
          union all select t.typbasetype from b join pg_type t on t.oid = b.oid where t.typtype = 'd')
        select from b where b.oid = l.atttypid or (b.oid = 'pg_catalog.varchar'::regtype and l.atttypid = 'pg_catalog.text'::regtype))`;

const binding = ({ tableName, idColumn, columns }: GuardedTable): readonly Weakness[] => [
  {
    // where it was, with its key's name and type and our link to it
    code: 'TG003',
    find: `select ${literal(`payments are no longer linked to ${tableName} by its key ${idColumn}`)} where not exists (
      select from pg_constraint f join ours o on o.oid = f.conrelid
        join pg_attribute k on k.attrelid = f.confrelid and k.attnum = f.confkey[1]
        join pg_attribute l on l.attrelid = f.conrelid and l.attnum = f.conkey[1]
      where f.contype = 'f' and f.convalidated and o.relname = 'payment' and f.confrelid = ${oidOf(tableName)}
        and k.attname = ${literal(idColumn)} and ${IS_KEY_TYPE})`,
  },
  ...(columns.length === 0
    ? []
    : [
        {
          code: 'TG003' as const,
          find: `select format('payments read the column %s of %s', c, ${literal(tableName)}) from (values ${list(columns)}) v (c)
            where not exists (select from pg_attribute a
              where a.attrelid = ${oidOf(tableName)} and a.attname = c and not a.attisdropped)`,
        },
      ]),
  {
    // keys and foreign keys end at the table itself: an order of a child could not be paid, or be there twice
    code: 'TG003',
    find: `select format('%s inherits from the order table %s', i.inhrelid::regclass, ${literal(tableName)})
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ${oidOf(tableName)} and not c.relispartition`,
  },
  {
    code: 'TG003',
    find: `select format('the order table %s is part of the extension %s', ${literal(tableName)}, e.extname)
      from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where d.deptype = 'e' and d.classid = 'pg_class'::regclass and d.objid = ${oidOf(tableName)}`,
  },
];

/**
 * A query that gives what in the catalogs opens a way around the rules, whoever made it so and by whatever command: one row
 * each with its `code`, its `words`, and whether our own statements mend it. It reads PostgreSQL's catalogs alone.
 */
export const weaknessesSql = (bound: GuardedTable | undefined): string => `
  with spaces as (select array_agg(oid) as oids from pg_namespace where nspname in ('tollgate', 'tollgate_guard')),
    ours as (select c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity
      from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = 'tollgate'))
  select w.code, w.mended, w.words from (${[
    TABLES_THERE,
    ...(bound ? binding(bound) : []),
    ...definitions(bound !== undefined),
  ]
    .map(
      ({ code, isMended = false, find }) =>
        `select '${code}', ${isMended}, f.words from spaces, lateral (${find}) f (words)`,
    )
    .join('\n    union all ')}) w (code, mended, words)`;
