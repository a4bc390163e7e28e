import { Counter, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** From a moment to the three days in which Stripe tries again; Stripe's times are whole seconds. */
const LAG_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 28_800, 86_400, 259_200];

/** What this process counts of its own work. Labels are names of the code and codes, never an id. */
export interface ProcessMetrics {
  /** A run of a flow or effect has ended. */
  ran(sort: 'flow' | 'effect', name: string, failed: boolean, seconds: number): void;
  /** A call to Stripe has ended, with all its repeats. */
  called(kind: string, outcome: string, seconds: number): void;
  /** An event of Stripe's was taken; `lagSeconds` since it was created there, where it came for the first time. */
  tookEvent(type: string, how: { readonly via: string; readonly outcome: string }, lagSeconds?: number): void;
  /** A committed version was told to every process. */
  published(seconds: number): void;
}

const createRuns = (registers: Registry[]): ProcessMetrics['ran'] => {
  const of = (sort: 'flow' | 'effect') => ({
    duration: new Histogram({
      name: `tollgate_${sort}_seconds`,
      help: `How long runs of ${sort}s took, in seconds.`,
      labelNames: [sort],
      buckets: SECONDS,
      registers,
    }),
    failures: new Counter({
      name: `tollgate_${sort}_failures_total`,
      help: `Runs of ${sort}s that threw.`,
      labelNames: [sort],
      registers,
    }),
  });
  const sorts = { flow: of('flow'), effect: of('effect') };
  return (sort, name, failed, seconds) => {
    const { duration, failures } = sorts[sort];
    duration.observe({ [sort]: name }, seconds);
    if (failed) failures.inc({ [sort]: name });
  };
};

/** Registers what a process counts of its own work. */
export const createProcessMetrics = (registry: Registry): ProcessMetrics => {
  const registers = [registry];
  const calls = new Histogram({
    name: 'tollgate_stripe_call_seconds',
    help: 'How long calls to Stripe took with their repeats, in seconds, by the kind of object and how they ended.',
    labelNames: ['kind', 'outcome'],
    buckets: SECONDS,
    registers,
  });
  const events = new Counter({
    name: 'tollgate_events_total',
    help: "Events of Stripe's that were taken, by type, by how they came, and by what became of them.",
    labelNames: ['type', 'via', 'outcome'],
    registers,
  });
  const lag = new Histogram({
    name: 'tollgate_event_lag_seconds',
    help: 'From when Stripe created an event until it was applied, in seconds.',
    buckets: LAG_SECONDS,
    registers,
  });
  const publishing = new Histogram({
    name: 'tollgate_publish_seconds',
    help: 'From the commit of a version until every process was told, in seconds.',
    buckets: SECONDS,
    registers,
  });
  return {
    ran: createRuns(registers),
    called: (kind, outcome, seconds) => calls.observe({ kind, outcome }, seconds),
    tookEvent(type, { via, outcome }, lagSeconds) {
      events.inc({ type, via, outcome });
      if (lagSeconds !== undefined) lag.observe(Math.max(0, lagSeconds));
    },
    published: (seconds) => publishing.observe(seconds),
  };
};
