import pg from 'pg';
import { wordsOf } from '../core/errors.js';
import { readFlowTarget } from '../flows/flow-target.js';
import { type Database, isDatabaseError, type Queryable } from '../storage/database.js';
import { namesOf, type OrderTable } from '../storage/order-binding.js';
import { isForbidden } from '../storage/rights.js';

/** What keeps the role that asks from seeing, locking or updating orders, in words. */
export interface OrderBarrier {
  readonly message: string;
  readonly remedy: string;
}

const quote = pg.escapeIdentifier;
/** Someone else's lock, or a slow trigger, is no barrier. */
const PATIENCE = '2s';
const BUSY = ['55P03', '57014'];
const SHOWN = 5;

interface Subject {
  readonly table: OrderTable;
  /** As it goes into SQL, as the schema. */
  readonly role: string;
  readonly schema: string;
}

/** Read without naming the table itself, which takes a right on its schema. */
const readSubject = async (database: Queryable, table: OrderTable): Promise<Subject & { readonly mayUse: boolean }> => {
  const [row] = await database.query<{ role: string; schema: string; mayUse: boolean }>({
    text: `select quote_ident(current_user) as "role", quote_ident($1) as "schema",
      coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = $1), false) as "mayUse"`,
    values: [namesOf(table.tableName).schema],
  });
  if (!row) throw new Error('The database did not say which role asks.');
  return { table, ...row };
};

/** The column that the generated flows write, as it goes into SQL; undefined where they write none. */
const writtenColumn = async (database: Queryable, table: OrderTable): Promise<string | undefined> =>
  (await readFlowTarget(database, table)).status?.column;

const grantsOf = ({ table: { tableName }, role, schema }: Subject): string =>
  `As the table's owner: grant usage on schema ${schema} to ${role}; grant select, insert, update on ${tableName} to ${role};`;

const columnsOf = ({ idColumn, ownerColumn, amountColumn, currencyColumn }: OrderTable): string =>
  [idColumn, ownerColumn, amountColumn, currencyColumn]
    .flatMap((name) => (name === null ? [] : [quote(name)]))
    .join(', ');

/** What is done with orders, on no row: PostgreSQL asks for the rights before it looks for rows. */
const findRefused = async (database: Queryable, subject: Subject): Promise<OrderBarrier[]> => {
  const { table, role } = subject;
  const { tableName } = table;
  const written = await writtenColumn(database, table);
  const deeds: readonly (readonly [string, string])[] = [
    ['read', `select ${columnsOf(table)} from ${tableName} where false`],
    ['lock', `select ${quote(table.idColumn)} from ${tableName} where false for no key update`],
    ...(written === undefined
      ? []
      : ([['update', `update ${tableName} set ${written} = ${written} where false`]] as const)),
  ];
  const refused: string[] = [];
  for (const [verb, text] of deeds)
    await database.query({ text }).catch((error: unknown) => {
      if (!isForbidden(error)) throw error;
      refused.push(`${verb} (${wordsOf(error)})`);
    });
  if (refused.length === 0) return [];
  return [
    {
      message: `The role ${role} may not ${refused.join(', ')} orders of ${tableName}.`,
      remedy: grantsOf(subject),
    },
  ];
};

interface Policy {
  readonly name: string;
  readonly permissive: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly using: string | null;
  readonly check: string | null;
  /** Whether what it says depends on the row. */
  readonly byRow: boolean;
}

const FIND_POLICIES = `select p.polname::text as "name", p.polpermissive as "permissive", p.polcmd in ('*', 'r') as "reads",
    p.polcmd in ('*', 'w') as "writes", pg_get_expr(p.polqual, p.polrelid) as "using",
    pg_get_expr(p.polwithcheck, p.polrelid) as "check",
    exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.objid = p.oid
      and d.refclassid = 'pg_class'::regclass and d.refobjid = p.polrelid and d.refobjsubid > 0) as "byRow"
  from pg_policy p where p.polrelid = $1::text::regclass and p.polcmd in ('*', 'r', 'w')
    and (0 = any (p.polroles) or exists (select from unnest(p.polroles) r (oid) where r.oid <> 0 and pg_has_role(r.oid, 'usage')))`;

/** Whether it lets every row pass: what it says is the same for each row, and true. */
const letsAllPass = async (database: Queryable, { byRow, using, check }: Policy): Promise<boolean> => {
  if (byRow || using === null) return false;
  const [row] = await database
    .query<{ open: boolean }>({ text: `select (${using}) and (${check ?? 'true'}) as "open"` })
    .catch(() => []);
  return row?.open === true;
};

/** Row-level security that isn't open to this role for certain: a payment's order might be hidden. */
const findPolicies = async (database: Queryable, { table, role }: Subject): Promise<OrderBarrier[]> => {
  const { tableName } = table;
  const [row] = await database.query<{ active: boolean }>({
    text: 'select row_security_active($1::text::regclass) as "active"',
    values: [tableName],
  });
  if (row?.active !== true) return [];
  const policies = await database.query<Policy>({ text: FIND_POLICIES, values: [tableName] });
  const open = await Promise.all(policies.map((policy) => letsAllPass(database, policy)));
  const closed = policies.filter((_, index) => open[index] !== true);
  const isOpenTo = (does: 'reads' | 'writes'): boolean =>
    policies.some((policy, index) => policy[does] && policy.permissive && open[index] === true) &&
    closed.every((policy) => policy.permissive || !policy[does]);
  if (isOpenTo('reads') && isOpenTo('writes')) return [];
  const names = closed.map(({ name }) => name).join(', ');
  return [
    {
      message: `Row-level security of ${tableName} may hide orders from the role ${role}${names === '' ? '' : ` (${names})`}.`,
      remedy: `Tollgate must see, lock and update every order. As a superuser: alter role ${role} bypassrls; or, where no policy is restrictive, as the table's owner: create policy tollgate_sees_all on ${tableName} to ${role} using (true) with check (true);`,
    },
  ];
};

/** Rules that do something else in place of an update. */
const findRules = async (database: Queryable, { table: { tableName } }: Subject): Promise<OrderBarrier[]> => {
  const rules = await database.query<{ name: string }>({
    text: `select quote_ident(rulename) as "name" from pg_rewrite
      where ev_class = $1::text::regclass and ev_type = '2' and is_instead and ev_enabled <> 'D'`,
    values: [tableName],
  });
  return rules.map(({ name }) => ({
    message: `The rule ${name} on ${tableName} does something else in place of an update: an order might not be marked paid.`,
    remedy: `Write a trigger in its place, then: drop rule ${name} on ${tableName};`,
  }));
};

/**
 * The rights, policies and rules that keep this role from orders; nothing is written and no order is touched, so it may be asked
 * at any time.
 */
export const findOrderBarriers = async (database: Queryable, table: OrderTable): Promise<OrderBarrier[]> => {
  const { mayUse, ...subject } = await readSubject(database, table);
  if (!mayUse)
    return [
      {
        message: `The role ${subject.role} may not use the schema of ${table.tableName}, so it sees no order.`,
        remedy: grantsOf(subject),
      },
    ];
  const refused = await findRefused(database, subject);
  return [...refused, ...(await findPolicies(database, subject)), ...(await findRules(database, subject))];
};

/** Takes back what was tried. */
class Tried extends Error {
  constructor(readonly updated: number) {
    super('Nothing of it stays.');
  }
}

/**
 * Locks the newest order and writes its status anew, and takes that back: what a trigger makes of an update is known by doing
 * alone. An order that someone else holds is left alone.
 */
export const tryOrderUpdate = async (database: Database, table: OrderTable): Promise<OrderBarrier[]> => {
  const { mayUse, role } = await readSubject(database, table);
  const written = mayUse ? await writtenColumn(database, table) : undefined;
  if (written === undefined) return [];
  const { tableName } = table;
  const key = quote(table.idColumn);
  const remedy = `Look at the triggers and rules of ${tableName}: an update by ${role} must reach the row.`;
  try {
    await database.transaction(async (tx) => {
      await tx.query({ text: `set local lock_timeout = '${PATIENCE}'` });
      await tx.query({ text: `set local statement_timeout = '${PATIENCE}'` });
      const [order] = await tx.query<{ id: string }>({
        text: `select ${key}::text as "id" from ${tableName} order by ${key} desc limit 1 for no key update skip locked`,
      });
      if (!order) throw new Tried(1);
      const rows = await tx.query({
        text: `update ${tableName} set ${written} = ${written} where ${key}::text = $1 returning 1 as "one"`,
        values: [order.id],
      });
      throw new Tried(rows.length);
    });
  } catch (error) {
    if (error instanceof Tried)
      return error.updated > 0 ? [] : [{ message: `An update of an order of ${tableName} reaches no row.`, remedy }];
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (isForbidden(cause) || BUSY.some((code) => isDatabaseError(cause, code))) return [];
    return [{ message: `An order of ${tableName} can't be updated: ${wordsOf(cause)}.`, remedy }];
  }
  return [];
};

/** Orders that payments reference but this role can't see. */
export const findHiddenOrders = async (database: Queryable, table: OrderTable): Promise<OrderBarrier[]> => {
  const { tableName, idColumn } = table;
  const [row] = await database.query<{ count: number; some: string | null }>({
    text: `with hidden as (select distinct p.order_id from tollgate.payment p
        where not exists (select from ${tableName} o where o.${quote(idColumn)} = p.order_id))
      select count(*) as "count", (select string_agg(order_id::text, ', ') from (select order_id from hidden limit ${SHOWN}) s) as "some"
      from hidden where row_security_active($1::text::regclass)`,
    values: [tableName],
  });
  if (!row || row.count === 0) return [];
  return [
    {
      message: `${row.count} order(s) with payments are hidden from this role: ${row.some}${row.count > SHOWN ? ', …' : ''}. Webhooks about them fail and are tried again.`,
      remedy: `Give the role all rows of ${tableName} (bypassrls, or a policy); then replay what was given up on.`,
    },
  ];
};

interface Owners {
  readonly role: string;
  readonly schema: string;
  readonly owner: string;
  readonly booksOwner: string;
  readonly ownsBooks: boolean;
  readonly mayRefer: boolean;
}

const FIND_OWNERS = `select quote_ident(current_user) as "role", quote_ident(n.nspname) as "schema",
    quote_ident(pg_get_userbyid(c.relowner)) as "owner", quote_ident(pg_get_userbyid(b.relowner)) as "booksOwner",
    pg_has_role(b.relowner, 'usage') as "ownsBooks",
    has_table_privilege(c.oid, 'references') and has_schema_privilege(n.oid, 'usage') as "mayRefer"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace,
    pg_class b join pg_namespace t on t.oid = b.relnamespace and t.nspname = 'tollgate'
  where format('%I.%I', n.nspname, c.relname) = $1 and b.relname = 'payment'`;

const readOwners = async (database: Queryable, { tableName }: OrderTable): Promise<Owners | undefined> =>
  (await database.query<Owners>({ text: FIND_OWNERS, values: [tableName] }))[0];

/** Whether this role may change the binding: it takes the owner of Tollgate's tables. */
export const findBooksBarriers = async (database: Queryable, table: OrderTable): Promise<OrderBarrier[]> => {
  const found = await readOwners(database, table);
  if (!found || found.ownsBooks) return [];
  const { role, booksOwner } = found;
  return [
    {
      message: `Tollgate's tables belong to ${booksOwner}, and the role ${role} may not change them.`,
      remedy: `Run activate as ${booksOwner}, or as a superuser.`,
    },
  ];
};

/** Whether this role may link payments to the table, and change Tollgate's own for it. */
export const findBindingBarriers = async (database: Queryable, table: OrderTable): Promise<OrderBarrier[]> => {
  const books = await findBooksBarriers(database, table);
  const found = await readOwners(database, table);
  if (!found || found.mayRefer) return books;
  const { tableName } = table;
  const { role, schema, owner } = found;
  return [
    ...books,
    {
      message: `The table ${tableName} belongs to ${owner}, and the role ${role} may not link payments to it.`,
      remedy: `As ${owner} or a superuser: grant usage on schema ${schema} to ${role}; grant select, insert, update, references on ${tableName} to ${role}; Then run activate again.`,
    },
  ];
};
