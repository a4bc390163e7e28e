import { wordsOf } from '../core/errors.js';
import { isDatabaseError, type Queryable } from './database.js';
import { JOBS_SCHEMA } from './jobs.js';

const FORBIDDEN = '42501';
/** What rows are taken from; those of money never are. */
const EMPTIED = [
  'role_permission',
  'account_role',
  'effect_worker',
  'flow_freeze',
  'flow_failure',
  'outgoing_delivery',
  'outbox',
];

/** Whether it is PostgreSQL's word that this role may not. */
export const isForbidden = (error: unknown): boolean => isDatabaseError(error, FORBIDDEN);

/** What a server's role needs of Tollgate's own tables; docs/operations.md holds the same list, with the order table's. */
export const grantsFor = (role: string): readonly string[] => [
  `grant usage on schema tollgate, ${JOBS_SCHEMA} to ${role};`,
  `grant select, insert, update on all tables in schema tollgate to ${role};`,
  `grant delete on ${EMPTIED.map((table) => `tollgate.${table}`).join(', ')} to ${role};`,
  `grant usage on all sequences in schema tollgate, ${JOBS_SCHEMA} to ${role};`,
  `grant select, insert, update, delete on all tables in schema ${JOBS_SCHEMA} to ${role};`,
  `grant execute on all functions in schema ${JOBS_SCHEMA} to ${role};`,
];

/** The role that asks, as it goes into SQL. */
export const readRole = async (database: Queryable): Promise<string> => {
  const [row] = await database.query<{ role: string }>({ text: 'select quote_ident(current_user) as "role"' });
  return row?.role ?? 'current_user';
};

/** What gives the role all that it needs, in words. */
export const grantingRemedy = (role: string): string => `As the tables' owner: ${grantsFor(role).join(' ')}`;

interface Table {
  readonly schema: string;
  /** With its schema, as it goes into SQL. */
  readonly name: string;
  readonly table: string;
  /** Those that may be written, as they go into SQL. */
  readonly columns: readonly string[];
}

const FIND_TABLES = `select n.nspname::text as "schema", format('%I.%I', n.nspname, c.relname) as "name", c.relname::text as "table",
    array(select quote_ident(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and a.attidentity = '' and a.attgenerated = '' order by a.attnum) as "columns"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any($1) and c.relkind = 'r' order by 1, 2`;

/** Reads and writes no row of the table: PostgreSQL asks for the rights before it looks for rows. */
const tryTable = ({ schema, name, table, columns }: Table): string => {
  const list = columns.join(', ');
  const same = columns.map((column) => `${column} = ${column}`).join(', ');
  const isEmptied = schema === JOBS_SCHEMA || EMPTIED.includes(table);
  return `with made as (insert into ${name} (${list}) select ${list} from ${name} where false returning 1),
      changed as (update ${name} set ${same} where false returning 1)
      ${isEmptied ? `, taken as (delete from ${name} where false returning 1)` : ''}
    select from made, changed`;
};

/** The queue's functions, asked to do nothing. */
const CALLS = [
  `select ${JOBS_SCHEMA}.add_jobs(array[]::${JOBS_SCHEMA}.job_spec[])`,
  `select ${JOBS_SCHEMA}.reschedule_jobs(array[]::bigint[])`,
  `select ${JOBS_SCHEMA}.force_unlock_workers(array[]::text[])`,
  `select where not has_sequence_privilege('tollgate.node_id', 'usage')`,
];

/** Tables whose rows are hidden from this role; the migrations make a policy for those of the queue. */
const findHidden = async (database: Queryable): Promise<string[]> => {
  const hidden = await database.query<{ name: string }>({
    text: `select format('%I.%I', n.nspname, c.relname) as "name" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any($1) and c.relkind = 'r' and row_security_active(c.oid)
        and not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive)`,
    values: [['tollgate', JOBS_SCHEMA]],
  });
  return hidden.map(({ name }) => `row-level security hides ${name}, until "npx tollgate migrate" runs as its owner`);
};

/**
 * What the server does and this role may not, in PostgreSQL's words, found by doing all of it on no row; empty where all is
 * allowed. Nothing is changed.
 */
export const findLackingRights = async (database: Queryable): Promise<string[]> => {
  const tables = await database.query<Table>({ text: FIND_TABLES, values: [['tollgate', JOBS_SCHEMA]] });
  const attempts = await Promise.all(
    [...tables.map(tryTable), ...CALLS].map((text) =>
      database.query({ text }).then(
        (rows) =>
          text.includes('has_sequence_privilege') && rows.length > 0 ? 'permission denied for sequence node_id' : '',
        (error: unknown) => {
          if (isForbidden(error)) return wordsOf(error);
          throw error;
        },
      ),
    ),
  );
  return [...new Set([...attempts.filter((words) => words !== ''), ...(await findHidden(database))])];
};
