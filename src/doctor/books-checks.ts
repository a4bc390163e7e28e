import pg from 'pg';
import type { Finding } from '../installation/problems.js';
import type { Orders } from '../orders/orders.js';
import type { Database } from '../storage/database.js';
import { type Check, found, foundAny, ok } from './checks.js';

interface Parts {
  readonly database: Database;
  readonly orders: Pick<Orders, 'findBinding'>;
}

/** What superusers alone may set, and what each switches off. */
const SWITCHES = `(values ('session_replication_role', 'origin'), ('event_triggers', 'on')) w (name, usual)`;

/** Where a setting comes from that rests foreign keys or the guard of definitions: whom it is for, in words. */
const FIND_RESTING = `select format('%s is %s %s', w.name, v.value, case
      when s.setrole <> 0 and s.setdatabase <> 0 then format('for the role %s in this database', s.setrole::regrole)
      when s.setrole <> 0 then format('for the role %s', s.setrole::regrole)
      else 'for this database' end) as "words"
  from ${SWITCHES}, pg_db_role_setting s, unnest(s.setconfig) c (text), lateral (select split_part(c.text, '=', 2)) v (value)
  where split_part(c.text, '=', 1) = w.name and v.value <> w.usual
    and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  union all
  select format('%s is %s for this very session', w.name, current_setting(w.name, true))
  from ${SWITCHES} where current_setting(w.name, true) <> w.usual
  union all
  select format('%s may set %s by a GRANT', a.grantee::regrole, p.parname)
  from ${SWITCHES} join pg_parameter_acl p on p.parname = w.name, aclexplode(p.paracl) a
  where a.privilege_type = 'SET' and not exists (select from pg_roles r where r.oid = a.grantee and r.rolsuper)`;

/** A table's column, and the table and column that it must lead to. */
interface Link {
  readonly from: string;
  readonly key: string;
  readonly column: string;
  readonly to: string;
  readonly toKey: string;
}

const LINKS: readonly Link[] = [
  { from: 'refund', key: 'id', column: 'payment_id', to: 'tollgate.payment', toKey: 'id' },
  { from: 'dispute', key: 'id', column: 'payment_id', to: 'tollgate.payment', toKey: 'id' },
  { from: 'payment', key: 'id', column: 'recurring_payment_id', to: 'tollgate.recurring_payment', toKey: 'id' },
  {
    from: 'renewal',
    key: 'stripe_invoice_id',
    column: 'recurring_payment_id',
    to: 'tollgate.recurring_payment',
    toKey: 'id',
  },
];

const quote = pg.escapeIdentifier;
const SHOWN = 5;

const findLost = ({ from, key, column, to, toKey }: Link): string => `(
  select format('%s %s (its %s is %s)', '${from}', l.${key}, '${column}', l.${column}) as "words" from tollgate.${from} l
  where l.${column} is not null and not exists (select from ${to} t where t.${toKey} = l.${column}) limit ${SHOWN})`;

const lostRows = (words: readonly string[]): Finding[] =>
  words.length === 0
    ? []
    : [
        {
          code: 'ROWS_LOST',
          message: `What these rows belong to is gone: ${words.join('; ')}. Foreign keys were switched off when it was deleted.`,
          remedy: 'Bring the missing rows back from a backup, then find out who works with foreign keys switched off.',
        },
      ];

/** Whether the books hold together, as PostgreSQL's own foreign keys should see to. */
export const booksChecks = ({ database, orders }: Parts): Check[] => [
  {
    title: 'foreign keys',
    asks: 'session_replication_role and event_triggers of roles, the database, the server and this session, and who may set them',
    code: 'FOREIGN_KEYS_OFF',
    reach: 'local',
    async run() {
      const resting = await database.query<{ words: string }>({ text: FIND_RESTING });
      return resting.length === 0
        ? ok('on')
        : found({
            code: 'FOREIGN_KEYS_OFF',
            message: `Foreign keys or the guard of definitions rest, or may be switched off: ${resting.map(({ words }) => words).join('; ')}. An order could be deleted although it has payments.`,
            remedy:
              'As a superuser: alter role … reset session_replication_role, or the same for the database or the server, or revoke set on parameter … from …; then start again.',
          });
    },
  },
  {
    title: 'rows that belong together',
    asks: 'every payment, refund, dispute, recurring payment and renewal for its other end',
    code: 'ROWS_LOST',
    reach: 'scan',
    async run() {
      const binding = await orders.findBinding();
      const isHidden =
        binding !== undefined &&
        (
          await database.query<{ active: boolean }>({
            text: 'select row_security_active($1::text::regclass) as "active"',
            values: [binding.tableName],
          })
        )[0]?.active === true;
      const toOrders =
        binding && !isHidden
          ? ['payment', 'recurring_payment', 'renewal'].map((from) => ({
              from,
              key: from === 'renewal' ? 'stripe_invoice_id' : 'id',
              column: 'order_id',
              to: binding.tableName,
              toKey: quote(binding.idColumn),
            }))
          : [];
      const rows = await database.query<{ words: string }>({
        text: [...LINKS, ...toOrders].map(findLost).join(' union all '),
      });
      const words = isHidden ? 'none lost, as far as row-level security lets orders be seen' : 'none lost';
      return foundAny(lostRows(rows.map((row) => row.words)), words);
    },
  },
];
