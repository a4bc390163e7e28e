import { Counter, Histogram, type Registry } from 'prom-client';

/** Why a batch was rolled back: what flows sent, what a flow threw, or what the database said. */
export type BatchFailure = 'interleaved' | 'statement' | 'flow' | 'database';
/**
 * Why an event went alone. `quiet`: little was under way. `unfit`: its kind or its payload needs it. `left`: its rows were held, or
 * it needed more than a new version and a flow. `failed`: its batch was rolled back. `rest`: batches failed one after the other.
 */
type AloneReason = 'quiet' | 'unfit' | 'left' | 'failed' | 'rest';

/** What is counted of batches. */
export interface BatchMetrics {
  applied(size: number): void;
  failed(reason: BatchFailure): void;
  alone(reason: AloneReason): void;
}

/** Registers them. */
export const createBatchMetrics = (registry: Registry): BatchMetrics => {
  const registers = [registry];
  const sizes = new Histogram({
    name: 'tollgate_event_batch_size',
    help: 'Webhook events that were applied in one transaction, by batch.',
    buckets: [1, 2, 4, 8, 16, 32],
    registers,
  });
  const failures = new Counter({
    name: 'tollgate_event_batch_failures_total',
    help: 'Batches that were rolled back, by reason; each of their events was applied alone then.',
    labelNames: ['reason'],
    registers,
  });
  const alone = new Counter({
    name: 'tollgate_events_alone_total',
    help: 'Webhook events that were applied in a transaction of their own, by reason.',
    labelNames: ['reason'],
    registers,
  });
  return {
    applied: (size) => sizes.observe(size),
    failed: (reason) => failures.inc({ reason }),
    alone: (reason) => alone.inc({ reason }),
  };
};
