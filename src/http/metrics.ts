import type { ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';

/** What the doors count. */
export interface HttpMetrics {
  /** Counts an answer, by its door and status, when it is finished or its client gone. */
  observe(door: string, response: ServerResponse): void;
  /** Sockets now open. */
  readonly sockets: Gauge;
  /** Live streams now open. */
  readonly streams: Gauge;
}

/** Registers the process's own metrics and those of the doors; a registry that has them already is left as it is. */
export const createHttpMetrics = (registry: Registry): HttpMetrics => {
  if (!registry.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const answers = new Counter({
    name: 'tollgate_http_answers_total',
    help: 'Answers by door and status.',
    labelNames: ['door', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'tollgate_http_answer_seconds',
    help: 'Time from a request to the end of its answer, in seconds.',
    labelNames: ['door'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const sockets = new Gauge({ name: 'tollgate_sockets', help: 'Sockets now open.', registers });
  const streams = new Gauge({ name: 'tollgate_subscriptions', help: 'Live streams now open.', registers });
  return {
    sockets,
    streams,
    observe: (door, response) => {
      const startedAt = performance.now();
      response.once('close', () => {
        answers.inc({ door, status: response.statusCode });
        // A stream lasts as long as its reader likes.
        if (response.getHeader('content-type') !== 'text/event-stream')
          duration.observe({ door }, (performance.now() - startedAt) / 1_000);
      });
    },
  };
};
