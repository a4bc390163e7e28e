import type { StripeAccess, StripeConnection } from '../installation/stripe-connection.js';
import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';
import { trySessionLock, withSessionLock } from '../storage/session-lock.js';
import { chunksOf, listsOf, unknownAmong } from './listed-events.js';
import type { OpenRows } from './open-rows.js';
import type { EventProcessor } from './process-event.js';
import type { ReconciliationState } from './reconciliation-state.js';

/** An event of Stripe's that no delivery had brought. */
export interface MissingEvent {
  readonly id: string;
  readonly type: string;
  readonly createdAt: Date;
  /** What went wrong when it was applied; it is stored and tried again. */
  readonly error?: string;
}

/** A row that Stripe could not be asked about this time. */
export interface UnansweredRow {
  readonly kind: string;
  readonly id: string;
  readonly error: string;
}

/** What one run found. */
export interface Reconciliation {
  /** Events made since then were listed. */
  readonly since: Date;
  readonly startedAt: Date;
  readonly eventsListed: number;
  readonly missing: readonly MissingEvent[];
  readonly rowsAsked: number;
  readonly unanswered: readonly UnansweredRow[];
}

/** What a run is asked for. */
export interface ReconciliationRequest {
  /** List events made since then; three days before the last completed run unless told. */
  readonly since?: Date | undefined;
  /** Ask about every open row, also those that were asked about lately. */
  readonly everyRow?: boolean;
  /** Hears how far it is. */
  readonly tell?: (words: string) => void;
}

/** Finds what Stripe knows and we don't, and takes it through the path of webhooks. */
export interface Reconciler {
  /**
   * Lists Stripe's events and takes each that is missing as a hint to fetch its object; then asks about the open rows.
   * One run at a time in the whole installation; another waits. Twice changes nothing more.
   *
   * @throws NotConfiguredError, StripeUnavailableError or StripeCallError when Stripe can't be listed: nothing is completed
   */
  reconcile(request?: ReconciliationRequest): Promise<Reconciliation>;
  /** Runs when the last completed run is older than the interval and no process is at it; for a job. */
  reconcileIfDue(): Promise<void>;
  /** Lets a run end early, uncompleted; the next one goes on. */
  stop(): void;
}

interface Parts {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly connection: StripeConnection;
  readonly processor: Pick<EventProcessor, 'catchUp'>;
  /** The open rows of every noun, asked about in this order. */
  readonly openRows: readonly OpenRows[];
  readonly state: ReconciliationState;
  /** The types of events that we apply. */
  readonly eventTypes: readonly string[];
  /** 0: never by itself. */
  readonly everyMs: number;
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

const LOCK = 'reconciliation';
const DAY_MS = 24 * 3_600_000;
/** Stripe delivers an event for up to three days, so one of before the last run may still come late, or never. */
const OVERLAP_MS = 3 * DAY_MS;
/** Stripe keeps events for 30 days. */
const KEPT_MS = 30 * DAY_MS;
/** Well below Stripe's limit of 100 reads a second. */
const AT_ONCE = 4;

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One run: what is asked, and where it may be cut short. */
interface Run extends Parts {
  readonly isStopped: () => boolean;
  readonly tell: (words: string) => void;
}

const inTurns = async <T>({ isStopped }: Run, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  for (const turn of chunksOf(items, AT_ONCE)) {
    if (isStopped()) throw new Error('The server stops; the next reconciliation goes on.');
    await Promise.all(turn.map(work));
  }
};

const takeEvents = async (run: Run, { gateway }: StripeAccess, since: Date) => {
  const missing: MissingEvent[] = [];
  let eventsListed = 0;
  for (const types of listsOf(run.eventTypes))
    for await (const page of gateway.listEvents(types, Math.floor(since.getTime() / 1_000))) {
      eventsListed += page.length;
      // Within a page the oldest first: flows see things in the order in which they happened.
      await inTurns(run, (await unknownAmong(run.database, page)).reverse(), async (event) => {
        const error = (await run.processor.catchUp(event))?.message;
        const { id, type, created } = event;
        missing.push({ id, type, createdAt: new Date(created * 1_000), ...(error !== undefined && { error }) });
      });
      run.tell(`${eventsListed} events listed, ${missing.length} were missing`);
    }
  return { eventsListed, missing };
};

const askRows = async (run: Run, access: StripeAccess, everyRow: boolean) => {
  const unanswered: UnansweredRow[] = [];
  let rowsAsked = 0;
  const { livemode, account } = access;
  const askAll = async ({ kind, read, ask }: OpenRows): Promise<void> => {
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page: { readonly id: string }[] = await read({ livemode, account, everyRow, after });
      await inTurns(run, page, async (row) => {
        rowsAsked += 1;
        await ask(row, access).catch((error: unknown) => unanswered.push({ kind, id: row.id, error: wordsOf(error) }));
      });
      after = page.at(-1)?.id;
      if (page.length > 0) run.tell(`${rowsAsked} open rows asked about`);
    }
  };
  for (const rows of run.openRows) await askAll(rows);
  return { rowsAsked, unanswered };
};

const reconcileOnce = async (run: Run, { since, everyRow = false }: ReconciliationRequest) => {
  const { database, state, connection } = run;
  const startedAt = await readClock(database);
  const completedAt = await state.completedAt();
  const oldest = startedAt.getTime() - KEPT_MS;
  // A time that is yet to come was written by a clock that was off: it says nothing of what was listed.
  const isUntrue = completedAt !== undefined && completedAt > startedAt;
  const last = isUntrue ? oldest : (completedAt ?? startedAt).getTime() - OVERLAP_MS;
  const from = new Date(Math.max(since?.getTime() ?? last, oldest));
  const access = await connection.access();
  const taken = await takeEvents(run, access, from);
  const asked = await askRows(run, access, everyRow);
  // A run that began listing later than the last one ended has left a gap.
  if (!completedAt || from <= completedAt) await state.complete(startedAt);
  return { since: from, startedAt, ...taken, ...asked };
};

const isDue = async ({ database, state, everyMs }: Parts): Promise<boolean> => {
  const completedAt = await state.completedAt();
  const now = await readClock(database);
  if (completedAt) return completedAt > now || now.getTime() - completedAt.getTime() >= everyMs;
  // A new installation has nothing to catch up with: its first run is one interval away.
  await state.complete(now);
  return false;
};

/** Builds the reconciler; every process may have one. */
export const createReconciler = (parts: Parts): Reconciler => {
  const { databaseUrl, connection, everyMs, log } = parts;
  let stopped = false;
  const run = (request: ReconciliationRequest) =>
    reconcileOnce({ ...parts, isStopped: () => stopped, tell: request.tell ?? (() => undefined) }, request);

  return {
    reconcile: (request = {}) => withSessionLock(databaseUrl, LOCK, () => run(request)),

    async reconcileIfDue() {
      if (everyMs === 0 || (await connection.keys()) === undefined || !(await isDue(parts))) return;
      await trySessionLock(databaseUrl, LOCK, async () => {
        if (!(await isDue(parts))) return;
        const { missing, unanswered, eventsListed, rowsAsked } = await run({});
        const counts = { eventsListed, missing: missing.length, rowsAsked, unanswered: unanswered.length };
        if (missing.length + unanswered.length > 0)
          log.warn(counts, 'reconciled with Stripe: webhooks had been missing');
        else log.info(counts, 'reconciled with Stripe');
      });
    },

    stop() {
      stopped = true;
    },
  };
};
