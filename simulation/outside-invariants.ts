import { type Comparison, compare, type Invariant } from './books.js';
import type { Heard } from './ear.js';
import type { World } from './world.js';

/** What the other system's messages call each kind of row. */
const NOUNS = {
  'payment.updated': ['PAYMENT', 'payment'],
  'refund.updated': ['REFUND', 'refund'],
  'dispute.updated': ['DISPUTE', 'dispute'],
  'recurring_payment.updated': ['RECURRING_PAYMENT', 'recurringPayment'],
} as const;

/** The types that say of a version. */
export const TOLD_TYPES = Object.keys(NOUNS);

interface Told extends Heard {
  /** Of which version it tells, in one word. */
  readonly what: string;
  /** The row's, of which its versions are told in order. */
  readonly row: string;
  readonly version: number;
}

const tell = (heard: Heard): Told => {
  const { type, data } = JSON.parse(heard.body) as {
    type: keyof typeof NOUNS;
    data: Record<string, { id: string; version: number }>;
  };
  const [nodeType, field] = NOUNS[type];
  const { id, version } = data[field] ?? { id: '?', version: 0 };
  return { ...heard, what: `${nodeType} ${id}/${version}`, row: `${nodeType} ${id}`, version };
};

const committedVersions = async ({ sql }: World): Promise<readonly string[]> => {
  const { rows } = await sql.query<{ what: string }>(
    `select distinct format('%s %s/%s', node_type, node_id, version) as what from tollgate.change
      where node_type in ('PAYMENT', 'REFUND', 'DISPUTE', 'RECURRING_PAYMENT')`,
  );
  return rows.map(({ what }) => what);
};

/** Each version reached the other system, in order, although it failed and hung up. */
const checkTold = async (world: World): Promise<Comparison> => {
  const arrived = world.ear.messages.filter(({ isAnswered }) => isAnswered).map(tell);
  const first = new Map<string, number>();
  arrived.forEach(({ what }, at) => {
    if (!first.has(what)) first.set(what, at);
  });
  return compare(await committedVersions(world), (what) => {
    const at = first.get(what);
    if (at === undefined) return [`${what} was not told outside`];
    const [row, version] = [what.split('/')[0], Number(what.split('/')[1])];
    const later = arrived.slice(0, at).find((told) => told.row === row && told.version > version);
    return later ? [`${what} was told outside after ${later.what}`] : [];
  });
};

/** What the other system hears is signed, was committed, and is the same message at each attempt. */
const checkMessages = async (world: World): Promise<Comparison> => {
  const committed = new Set(await committedVersions(world));
  const keys = new Map<string, Set<string>>();
  const told = world.ear.messages.map(tell);
  for (const { what, key } of told) keys.set(what, (keys.get(what) ?? new Set()).add(key));
  return compare(told, ({ what, isSigned }) => [
    ...(isSigned ? [] : [`the message of ${what} has no good signature`]),
    ...(committed.has(what) ? [] : [`${what} was told outside, and was not committed`]),
    ...(keys.get(what)?.size === 1 ? [] : [`${what} was told outside as ${keys.get(what)?.size} messages`]),
  ]);
};

/** What a flow asks of its effect, in the words in which the ledger of flows has it. */
interface Asked {
  readonly flow: string;
  readonly rowId: string;
  readonly version: number;
}

/** The effect of each flow that was committed ran to its end, that of no other did, and each has one key at all attempts. */
const checkEffects = async ({ sql, ear }: World): Promise<Comparison> => {
  const { rows } = await sql.query<{ what: string }>(
    `select distinct format('%s %s/%s', flow, row_id, version) as what from public.flow_run`,
  );
  const committed = new Set(rows.map(({ what }) => what));
  const heard = ear.effects.map(({ key, body, isAnswered }) => {
    const { flow, rowId, version } = JSON.parse(body) as Asked;
    return { key, isAnswered, what: `${flow} ${rowId}/${version}` };
  });
  const ended = new Set(heard.filter(({ isAnswered }) => isAnswered).map(({ what }) => what));
  const keys = new Map<string, Set<string>>();
  for (const { what, key } of heard) keys.set(what, (keys.get(what) ?? new Set()).add(key));
  const { violations } = compare([...keys], ([what, { size }]) => [
    ...(committed.has(what) ? [] : [`the effect of ${what} ran, and its flow was not committed`]),
    ...(size === 1 ? [] : [`the effect of ${what} ran with ${size} keys`]),
  ]);
  const missing = compare([...committed], (what) => (ended.has(what) ? [] : [`the effect of ${what} did not run`]));
  return { compared: missing.compared, violations: [...violations, ...missing.violations] };
};

/** What is promised to those outside. */
export const OUTSIDE_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'each version was told outside, in order': checkTold,
  'what was told outside was committed, signed, one message each': checkMessages,
  "each committed flow's effect ran, with one key": checkEffects,
};
