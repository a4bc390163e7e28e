import { setTimeout as delay } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';
import { readOpenProblems } from '../doctor/problem-watch.js';
import { OPEN_DISPUTE } from '../nouns/disputes/row.js';
import { UNKNOWN_OUTCOME } from '../nouns/refunds/row.js';
import type { Database } from '../storage/database.js';

/** What stands in the database is the same for every server; each asks for itself, and not more often than this. */
const QUEUES_MS = 5_000;
const TOTALS_MS = 60_000;
/** Whole tables are read for the totals: at least so many times as long as that took, they rest. */
const TOTALS_REST = 50;
/** A scrape waits no longer. */
const PATIENCE_MS = 2_000;
/** Counting ends here: how much longer a queue is than that changes nothing. */
const MOST = 10_000;

const counted = (rows: string): string => `(select count(*) from (select 1 from ${rows} limit ${MOST}) r)`;
const ageOf = (time: string, rows: string): string =>
  `(select coalesce(greatest(0, extract(epoch from now() - min(${time}))), 0)::float8 from ${rows})`;

const EVENTS = `tollgate.stripe_event where status in ('RECEIVED', 'FAILED')`;
const DELIVERIES = `tollgate.outgoing_delivery where status in ('WAITING', 'FAILED')`;

interface Queues {
  readonly refundsUnknown: number;
  readonly disputesOpen: number;
  readonly eventsWaiting: number;
  readonly eventAge: number;
  readonly changesWaiting: number;
  readonly changeAge: number;
  readonly effectsWaiting: number;
  readonly effectsDead: number;
  readonly deliveriesWaiting: number;
  readonly deliveryAge: number;
  readonly flowsOwed: number;
  readonly reconciledAge: number;
}

/** Each is found by an index, or its table is small. */
const READ_QUEUES = `select ${counted(`tollgate.refund where ${UNKNOWN_OUTCOME}`)} as "refundsUnknown",
  ${counted(`tollgate.dispute where ${OPEN_DISPUTE}`)} as "disputesOpen",
  ${counted(EVENTS)} as "eventsWaiting", ${ageOf('received_at', EVENTS)} as "eventAge",
  ${counted('tollgate.outbox')} as "changesWaiting", ${ageOf('at', 'tollgate.outbox')} as "changeAge",
  ${counted('tollgate_jobs.jobs j where j.attempts < j.max_attempts')} as "effectsWaiting",
  ${counted('tollgate_jobs.jobs j where j.attempts >= j.max_attempts and j.locked_at is null')} as "effectsDead",
  ${counted(DELIVERIES)} as "deliveriesWaiting", ${ageOf('created_at', DELIVERIES)} as "deliveryAge",
  ${counted(`tollgate.owed_flow where status = 'OWED'`)} as "flowsOwed",
  (select coalesce(max(extract(epoch from now() - (value->>'completedAt')::timestamptz)), 0)::float8
    from tollgate.setting where key = 'reconciliation') as "reconciledAge"`;

interface Total {
  readonly mode: string;
  readonly status: string;
  readonly currency: string;
  readonly payments: number;
  readonly received: number;
  readonly refunded: number;
}

const READ_TOTALS = `select case when livemode then 'live' else 'test' end as "mode", status, coalesce(received_currency, currency) as "currency", count(*) as "payments",
    sum(amount_received)::bigint as "received", sum(amount_refunded)::bigint as "refunded"
  from tollgate.payment group by 1, 2, 3`;
const READ_DEAD = `select (select count(*) from tollgate.stripe_event where status = 'DEAD') as "events",
  (select count(*) from tollgate.outgoing_delivery where status = 'DEAD') as "deliveries"`;

/**
 * Reads at most one at a time, and rests for as long as `restMs` says; who asks meanwhile has what was read last. Nobody waits longer
 * than a moment. What can't be read is undefined.
 */
const remembered = <T>(read: () => Promise<T>, restMs: (tookMs: number) => number): (() => Promise<T | undefined>) => {
  let last: T | undefined;
  let reading: Promise<void> | undefined;
  let readsAt = 0;
  const begin = async (): Promise<void> => {
    const began = performance.now();
    last = await read().catch(() => undefined);
    readsAt = performance.now() + restMs(performance.now() - began);
    reading = undefined;
  };
  return async () => {
    if (performance.now() >= readsAt) reading ??= begin();
    if (reading) {
      const patience = new AbortController();
      await Promise.race([reading, delay(PATIENCE_MS, undefined, patience).catch(() => undefined)]);
      patience.abort();
    }
    return last;
  };
};

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Registers a gauge that is read when it is told; while its source can't be read it tells nothing. */
const createGauges =
  (registry: Registry) =>
  <T>(read: () => Promise<T | undefined>, samplesOf: (state: T) => readonly Sample[]) =>
  (name: string, help: string, labelNames: readonly string[] = []): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const state = await read();
        this.reset();
        // Without labels a reset is a zero, which would be a lie.
        if (state === undefined) return labelNames.length === 0 ? this.set(Number.NaN) : undefined;
        for (const [labels, value] of samplesOf(state)) this.set(labels, value);
      },
    });
  };

const registerQueues = (registry: Registry, database: Database): void => {
  const read = remembered(
    async () => (await database.query<Queues>({ name: 'metrics_queues', text: READ_QUEUES }))[0],
    () => QUEUES_MS,
  );
  const gauge = (name: string, help: string, of: keyof Queues): void =>
    createGauges(registry)(read, (queues) => [[{}, queues[of]]])(name, help);
  gauge('tollgate_refunds_unknown', 'Refunds whose outcome at Stripe is not known yet.', 'refundsUnknown');
  gauge('tollgate_disputes_open', 'Disputes and inquiries that are not decided.', 'disputesOpen');
  gauge('tollgate_events_waiting', 'Events that are stored and wait to be applied.', 'eventsWaiting');
  gauge('tollgate_event_oldest_seconds', 'Age of the oldest event that waits, in seconds; 0: none.', 'eventAge');
  gauge('tollgate_changes_waiting', 'Entries of the outbox that were not told to every process yet.', 'changesWaiting');
  gauge('tollgate_change_oldest_seconds', 'Age of the oldest of them, in seconds; 0: none.', 'changeAge');
  gauge('tollgate_effects_waiting', 'Effects that wait or run.', 'effectsWaiting');
  gauge('tollgate_effects_dead', 'Effects that were given up on.', 'effectsDead');
  gauge('tollgate_deliveries_waiting', 'Outgoing webhooks that wait to be delivered.', 'deliveriesWaiting');
  gauge('tollgate_delivery_oldest_seconds', 'Age of the oldest of them, in seconds; 0: none.', 'deliveryAge');
  gauge('tollgate_flows_owed', 'Callback flows that are owed.', 'flowsOwed');
  gauge(
    'tollgate_reconciliation_age_seconds',
    'Since the last completed reconciliation began, in seconds; 0: none was.',
    'reconciledAge',
  );
};

const registerTotals = (registry: Registry, database: Database): void => {
  const read = remembered(
    async () => ({
      totals: await database.query<Total>({ name: 'metrics_totals', text: READ_TOTALS }),
      dead: (
        await database.query<{ events: number; deliveries: number }>({ name: 'metrics_dead', text: READ_DEAD })
      )[0],
      at: performance.now(),
    }),
    (tookMs) => Math.max(TOTALS_MS, TOTALS_REST * tookMs),
  );
  const gauges = createGauges(registry);
  const labels = ['status', 'currency', 'mode'];
  const byStatus = (of: 'payments' | 'received' | 'refunded') =>
    gauges(read, ({ totals }) =>
      totals.map((total) => [{ status: total.status, currency: total.currency, mode: total.mode }, total[of]]),
    );
  byStatus('payments')('tollgate_payments', 'Payments by status, currency and mode.', labels);
  byStatus('received')('tollgate_money_received', 'Money received on payments, in minor units.', labels);
  byStatus('refunded')('tollgate_money_refunded', 'Money refunded of payments, in minor units.', labels);
  gauges(read, ({ dead }) => [[{}, dead?.events ?? Number.NaN]])(
    'tollgate_events_dead',
    'Events that were given up on.',
  );
  gauges(read, ({ dead }) => [[{}, dead?.deliveries ?? Number.NaN]])(
    'tollgate_deliveries_dead',
    'Outgoing webhooks that were given up on.',
  );
  gauges(read, ({ at }) => [[{}, (performance.now() - at) / 1_000]])(
    'tollgate_totals_age_seconds',
    'How long ago payments, money and what was given up on were last counted, in seconds.',
  );
};

/** Registers what the database tells of the installation. A scrape costs one query that indexes answer, and at most once a minute whole tables. */
export const registerInstallationMetrics = (registry: Registry, database: Database): void => {
  registerQueues(registry, database);
  registerTotals(registry, database);
  const problems = remembered(
    () => readOpenProblems(database),
    () => QUEUES_MS,
  );
  createGauges(registry)(problems, (open) => {
    const codes = new Map<string, number>();
    for (const { code } of open) codes.set(code, (codes.get(code) ?? 0) + 1);
    return [...codes].map(([code, count]) => [{ code }, count] as const);
  })('tollgate_problems', 'Problems that an operator should mend, by code.', ['code']);
};
