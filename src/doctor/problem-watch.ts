import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Finding, Problems } from '../installation/problems.js';
import { changeSetting, readSetting } from '../installation/setting-rows.js';
import { type OutgoingEventType, PROBLEM_TYPE } from '../nouns/outgoing/row.js';
import { tellOutside } from '../nouns/outgoing/rows.js';
import { readClock } from '../storage/clock.js';
import type { Database, Tx } from '../storage/database.js';

const KEY = 'problems';

const OpenProblem = z.object({
  id: z.number().int(),
  code: z.string(),
  subject: z.string(),
  message: z.string(),
  remedy: z.string(),
  since: z.string(),
});
/** A problem that was told and hasn't ended. */
type OpenProblem = z.infer<typeof OpenProblem>;

const State = z.object({
  /** Which look it is; a server that comes late with an older one writes nothing. */
  round: z.number().int(),
  /** Who looked last, and goes on doing so while it lives. */
  looker: z.string(),
  /** When the next look is due; while one is under way, when that is given up. */
  nextAt: z.string(),
  lastId: z.number().int(),
  open: z.array(OpenProblem),
});
type State = z.infer<typeof State>;

const stateOf = (value: unknown): State =>
  value === undefined
    ? { round: 0, looker: '', nextAt: new Date(0).toISOString(), lastId: 0, open: [] }
    : State.parse(value);

/** When the problems are looked at. */
export interface ProblemTiming {
  /** After the start: what is being set up is no problem yet. */
  readonly firstMs: number;
  readonly everyMs: number;
}
const PROBLEM_TIMING: ProblemTiming = { firstMs: 60_000, everyMs: 30_000 };
/** Longer than all checks together take. */
const LEASE_MS = 300_000;

interface Parts {
  readonly database: Database;
  /** Everything that is to be mended now. */
  readonly findings: Problems['findings'];
  readonly timing?: ProblemTiming | undefined;
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

const after = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();

interface Look {
  readonly round: number;
  /** Another process looked before: what this one remembers may be older than what that one found. */
  readonly isFirst: boolean;
}

/** Takes the next look for this process, if it is due. Another's turn it takes only when that one has missed two. */
const claim = async (database: Database, { me, everyMs }: { readonly me: string; readonly everyMs: number }) => {
  const isDue = ({ nextAt, looker }: State, now: Date): boolean =>
    new Date(nextAt).getTime() + (looker === me ? 0 : 2 * everyMs) <= now.getTime();
  if (!isDue(stateOf(await readSetting(database, KEY)), await readClock(database))) return undefined;
  return database.transaction(async (tx) => {
    const now = await readClock(tx);
    let look: Look | undefined;
    await changeSetting(tx, KEY, (value) => {
      const state = stateOf(value);
      look = undefined;
      if (!isDue(state, now)) return state;
      look = { round: state.round + 1, isFirst: state.looker !== me };
      return { ...state, round: look.round, looker: me, nextAt: after(now, LEASE_MS) };
    });
    return look;
  });
};

const keyOf = ({ code, subject = '' }: { readonly code: string; readonly subject?: string | undefined }): string =>
  `${code} ${subject}`;

/** What is open by what was found: what was open keeps its number and its beginning. */
const openBy = (state: State, findings: readonly Finding[], now: Date): Pick<State, 'open' | 'lastId'> => {
  const known = new Map(state.open.map((problem) => [keyOf(problem), problem]));
  const found = new Map([...findings].reverse().map((finding) => [keyOf(finding), finding]));
  let { lastId } = state;
  const open = [...found.values()].reverse().map(({ code, subject = '', message, remedy, since }) => {
    const before = known.get(keyOf({ code, subject }));
    if (!before) lastId += 1;
    return {
      id: before?.id ?? lastId,
      code,
      subject,
      message,
      remedy,
      since: before?.since ?? (since ?? now).toISOString(),
    };
  });
  return { open, lastId };
};

const tell = (tx: Tx, eventType: OutgoingEventType, problem: OpenProblem, closedAt: Date | null): void => {
  const { id, code, message, remedy, since } = problem;
  const data = { problem: { code, message, remedy, since }, ...(closedAt && { closedAt: closedAt.toISOString() }) };
  const version = closedAt ? 2 : 1;
  tx.send(tellOutside({ eventType, nodeType: PROBLEM_TYPE, nodeId: String(id), version, data }));
};

/** Writes what a look found, with the messages of what began and ended; nothing where a later look was begun meanwhile. */
const write = (database: Database, round: number, findings: readonly Finding[], everyMs: number) =>
  database.transaction(async (tx) => {
    const now = await readClock(tx);
    const { before, after: next } = await changeSetting(tx, KEY, (value) => {
      const state = stateOf(value);
      return state.round === round ? { ...state, ...openBy(state, findings, now), nextAt: after(now, everyMs) } : state;
    });
    const previous = stateOf(before).open;
    const lacks = (list: readonly OpenProblem[]) => (problem: OpenProblem) => !list.some(({ id }) => id === problem.id);
    const opened = next.open.filter(lacks(previous));
    const closed = previous.filter(lacks(next.open));
    for (const problem of opened) tell(tx, 'problem.opened', problem, null);
    for (const problem of closed) tell(tx, 'problem.closed', problem, now);
    return { opened, closed };
  });

/** The problems that were told and have not ended, as the last look found them. */
export const readOpenProblems = async (database: Pick<Database, 'query'>): Promise<readonly OpenProblem[]> =>
  stateOf(await readSetting(database, KEY)).open;

/**
 * Tells each problem when it begins and when it ends: in the log, and to the outgoing webhooks that want it. Every process runs it; one
 * at a time looks, and what is told is remembered in the same transaction, so neither another process nor a restart tells it twice.
 */
export const createProblemWatch = ({ database, findings, log, timing = PROBLEM_TIMING }: Parts) => {
  const me = randomUUID();
  let looksAt = performance.now() + timing.firstMs;
  return async (): Promise<void> => {
    if (performance.now() < looksAt) return;
    looksAt = performance.now() + timing.everyMs / 2;
    const look = await claim(database, { me, everyMs: timing.everyMs });
    if (!look) return;
    const found = await findings({ anew: look.isFirst });
    const { opened, closed } = await write(database, look.round, found, timing.everyMs);
    for (const { code, message, remedy } of opened) log.warn({ code, remedy }, `problem: ${message}`);
    for (const { code, message } of closed) log.info({ code }, `problem over: ${message}`);
  };
};
