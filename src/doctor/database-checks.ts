import { readClock } from '../storage/clock.js';
import type { Entities } from '../storage/data-source.js';
import type { Database } from '../storage/database.js';
import { findDrift } from '../storage/drift.js';
import { pendingMigrations } from '../storage/migrate.js';
import { findLackingRights, grantingRemedy, readRole } from '../storage/rights.js';
import { OLDEST_VERSION } from '../storage/usable.js';
import { type Check, found, foundAny, ok } from './checks.js';

interface Parts {
  readonly database: Database;
  readonly databaseUrl: string;
  /** The tables as the code knows them. */
  readonly entities: Entities;
}

/** What was done to Tollgate's tables is never ours to undo: only who did it knows why. */
export const UNDO =
  "Someone changed Tollgate's tables, so that rules can be got around. Find out who, and undo it in a transaction with the migrations' key (docs/protection.md).";

/** Stripe's signatures are refused when they are five minutes old; half of it leaves room. */
const MOST_SKEW_SECONDS = 150;

const checkClock = (database: Database): Check => ({
  title: "this machine's clock, beside the database's",
  asks: 'clock_timestamp() of the database',
  code: 'CLOCK_SKEW',
  reach: 'local',
  async run() {
    const before = Date.now();
    const atDatabase = (await readClock(database)).getTime();
    const seconds = Math.round(((before + Date.now()) / 2 - atDatabase) / 1000);
    return Math.abs(seconds) <= MOST_SKEW_SECONDS
      ? ok(`within ${Math.abs(seconds) + 1} s`)
      : found({
          code: 'CLOCK_SKEW',
          message: `This machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the database's; one of them is wrong, and webhook signatures are refused beyond 300 s.`,
          remedy: 'Set both clocks with NTP (timedatectl set-ntp true).',
        });
  },
});

/** Whether the database is one that the product can work on. */
export const databaseChecks = ({ database, databaseUrl, entities }: Parts): Check[] => [
  {
    title: 'PostgreSQL version',
    asks: 'server_version of DATABASE_URL',
    code: 'DATABASE_UNREACHABLE',
    reach: 'local',
    async run() {
      const [row] = await database.query<{ version: number; text: string }>({
        text: `select current_setting('server_version_num')::integer / 10000 as "version",
          current_setting('server_version') as "text"`,
      });
      return (row?.version ?? 0) >= OLDEST_VERSION
        ? ok(row?.text ?? '')
        : found({
            code: 'DATABASE_TOO_OLD',
            message: `PostgreSQL is ${row?.text}; Tollgate needs ${OLDEST_VERSION} or newer.`,
            remedy: `Upgrade the server of DATABASE_URL to PostgreSQL ${OLDEST_VERSION} or newer.`,
          });
    },
  },
  {
    title: 'migrations',
    asks: 'tollgate.migration',
    code: 'MIGRATIONS_PENDING',
    reach: 'local',
    async run() {
      const pending = await pendingMigrations(databaseUrl);
      return pending.length === 0
        ? ok('none pending')
        : found({
            code: 'MIGRATIONS_PENDING',
            message: `${pending.length} migration(s) have not run: ${pending.join(', ')}.`,
            remedy: 'Run "npx tollgate migrate".',
          });
    },
  },
  {
    title: 'definitions of the tables',
    asks: "columns, checks and indexes in PostgreSQL's catalogs",
    code: 'DEFINITIONS_CHANGED',
    reach: 'local',
    async run() {
      if ((await pendingMigrations(databaseUrl)).length > 0) return ok('not compared while migrations are pending');
      const lacks = await findDrift(databaseUrl, entities);
      return foundAny(
        lacks.map((words) => ({ code: 'DEFINITIONS_CHANGED', message: `${words}.`, remedy: UNDO })),
        'as the migrations made them',
      );
    },
  },
  {
    title: "the role's rights",
    asks: 'all that a server does with its tables and the queue of effects, done as this role on no row',
    code: 'DATABASE_RIGHTS',
    reach: 'local',
    async run() {
      const lacking = await findLackingRights(database);
      if (lacking.length === 0) return ok('all that a server needs');
      const role = await readRole(database);
      return found({
        code: 'DATABASE_RIGHTS',
        message: `The role ${role} may not do what the server does: ${lacking.join(', ')}.`,
        remedy: grantingRemedy(role),
      });
    },
  },
  checkClock(database),
];
