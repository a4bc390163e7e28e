import { type Database, isDatabaseError, type Queryable } from './database.js';
import { EVENT_TRIGGERS, guardBody, guardSql, OPEN_GUARD } from './definition-guard.js';
import type { GuardedTable } from './order-binding.js';
import { isOfNewerRelease } from './release.js';
import { RULES_COMMENT, rowRulesSql } from './row-rules.js';
import { weaknessesSql } from './weaknesses.js';

/** What the database itself refuses to everyone. */
export interface Protection {
  /** `full`: rows, definitions and the order table. `rows`: something is missing, and `missing` says what. */
  readonly level: 'full' | 'rows';
  /** What is not refused, in words, each with what lacks; our own statements put it in place. */
  readonly missing: readonly string[];
  /** What someone changed of the tables, in words, that opens a way around the rules: it is undone by hand. */
  readonly changed: readonly string[];
  /** One file for an administrator (a superuser) that puts everything in place; it may be applied twice. */
  readonly sql: string;
}

interface Installed {
  readonly migrated: boolean;
  readonly rules: string | null;
  readonly events: readonly { name: string; enabled: string }[];
  readonly guard: string | null;
}

interface Weakness {
  readonly mended: boolean;
  readonly words: string;
}

const FIND_BOUND = `select table_name as "tableName", id_column as "idColumn",
    array_remove(array[owner_column, amount_column, currency_column], null) as "columns" from tollgate.order_binding`;

const FIND_INSTALLED = `select
    to_regclass('tollgate.order_binding') is not null as "migrated",
    obj_description(to_regprocedure('tollgate.refuse()'), 'pg_proc') as "rules",
    coalesce((select json_agg(json_build_object('name', evtname, 'enabled', evtenabled))
      from pg_event_trigger where evtfoid = guard.oid), '[]') as "events",
    guard.prosrc as "guard"
  from (select 1) one left join (select p.oid, p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'tollgate_guard' and p.proname = 'guard') guard on true`;

const findMissing = (installed: Installed, bound: GuardedTable | undefined, mendable: readonly string[]): string[] => {
  const orders = bound ? ` and the order table ${bound.tableName}` : '';
  const rows = mendable.map((words) => `Rows are not kept: ${words}.`);
  const events = EVENT_TRIGGERS.filter(
    ({ name }) => !installed.events.some((trigger) => trigger.name === name && trigger.enabled === 'A'),
  ).map(
    ({ name, verb }) =>
      `${verb} of Tollgate's tables${orders} is not refused: the event trigger ${name} is missing or switched off.`,
  );
  if (rows.length === 0 && installed.rules !== RULES_COMMENT)
    rows.push("The rules of Tollgate's rows are those of another version.");
  if (events.length === 0 && installed.guard !== guardBody(bound))
    events.push(
      bound
        ? `The guard of definitions does not know the order table ${bound.tableName}, or is of another version.`
        : 'The guard of definitions is of another version.',
    );
  return [...rows, ...events];
};

/** A guard over tables that were changed would refuse every command that follows, whatever it is about. */
const assertUnchanged = (bound: GuardedTable | undefined): string => `do $check$
  declare way record;
  begin
    select w.words into way from (${weaknessesSql(bound)}) w where not w.mended limit 1;
    if found then
      raise exception 'tollgate: %', way.words using errcode = 'TG002', hint = 'Undo this first, then apply the file again.';
    end if;
  end $check$`;

const fileFor = (bound: GuardedTable | undefined): string =>
  [
    '-- Tollgate: keeps its tables and the bound order table from being dropped or altered.',
    '-- Apply it as a superuser to the database of the app: psql --set ON_ERROR_STOP=1 --file <this file> <database>',
    '-- It may be applied again. docs/protection.md says what it refuses and what it does not.',
    ...[
      'begin',
      'set local client_min_messages = warning',
      OPEN_GUARD,
      ...rowRulesSql(bound !== undefined),
      assertUnchanged(bound),
      ...guardSql(bound),
      'commit',
    ].map((statement) => `${statement};`),
    '',
  ].join('\n');

const findBound = async (database: Queryable): Promise<GuardedTable | undefined> =>
  (await database.query<GuardedTable>({ text: FIND_BOUND }))[0];

/** Reads what the database refuses at present. */
export const readProtection = async (database: Queryable): Promise<Protection> => {
  const [installed] = await database.query<Installed>({ text: FIND_INSTALLED });
  if (!installed?.migrated)
    return {
      level: 'rows',
      missing: ['The migrations have not run: run "npx tollgate migrate".'],
      changed: [],
      sql: '',
    };
  // What a newer release put in place is for that one to judge.
  if (await isOfNewerRelease(database)) return { level: 'full', missing: [], changed: [], sql: '' };
  const bound = await findBound(database);
  const weaknesses = await database.query<Weakness>({ text: weaknessesSql(bound) });
  const wordsOf = (isMended: boolean): string[] =>
    weaknesses.filter(({ mended }) => mended === isMended).map(({ words }) => words);
  const missing = findMissing(installed, bound, wordsOf(true));
  const changed = wordsOf(false);
  const level = missing.length === 0 && changed.length === 0 ? 'full' : 'rows';
  return { level, missing, changed, sql: fileFor(bound) };
};

const INSUFFICIENT_PRIVILEGE = '42501';

/** Runs the statements as one migration; a role that may not leaves all as it was. */
const applyIfAllowed = async (database: Database, statements: readonly string[]): Promise<void> => {
  try {
    await database.transaction(async (tx) => {
      // Two at once would replace the same function.
      await tx.query({ text: `select pg_advisory_xact_lock(hashtext('tollgate protect'))` });
      for (const text of [OPEN_GUARD, ...statements]) await tx.query({ text });
    });
  } catch (error) {
    if (!isDatabaseError(error, INSUFFICIENT_PRIVILEGE)) throw error;
  }
};

/**
 * Puts in place what this role may, and reads what holds then. The rules of rows need the tables' owner, the guard of
 * definitions a superuser. Twice changes nothing.
 */
export const protect = async (database: Database): Promise<Protection> => {
  const before = await readProtection(database);
  if (before.level === 'full' || before.sql === '') return before;
  const bound = await findBound(database);
  await applyIfAllowed(database, rowRulesSql(bound !== undefined));
  if (before.changed.length === 0) await applyIfAllowed(database, guardSql(bound));
  return readProtection(database);
};
