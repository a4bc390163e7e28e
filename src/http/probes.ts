import { createHash, timingSafeEqual } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';
import { json } from './reply.js';
import type { Route, Routes } from './routes.js';

/** Checks each dependency: "ok", or what is wrong, without secrets. */
export type Readiness = () => Promise<Readonly<Record<string, string>>>;

const READY_MS = 3_000;
/** Payments work without these; updates just arrive a little later. */
const HELPFUL: ReadonlySet<string> = new Set(['pubsub']);

/** What the probes are made of. */
export interface ProbeParts {
  readonly ready: Readiness;
  readonly registry: Registry;
  /** What opens /metrics; anyone may read them without. */
  readonly metricsToken?: string | undefined;
}

/** The endpoints for monitoring. */
export const createProbes = ({ ready, registry, metricsToken }: ProbeParts): Routes => {
  const up = new Gauge({
    name: 'tollgate_up',
    help: 'Whether each part that the server needs works: 1, or 0.',
    labelNames: ['part'],
    registers: [registry],
  });
  const check = async (): ReturnType<Readiness> => {
    const checks = await inTime(ready());
    up.reset();
    for (const [part, outcome] of Object.entries(checks)) up.set({ part }, outcome === 'ok' ? 1 : 0);
    return checks;
  };
  return {
    'GET /health': () => json(200, { status: 'alive' }),
    'GET /ready': readyRoute(check),
    'GET /metrics': async ({ headers: { authorization } }) => {
      if (metricsToken !== undefined && !isSame(String(authorization), `Bearer ${metricsToken}`))
        return json(
          401,
          { error: 'Send TOLLGATE_METRICS_TOKEN as "authorization: Bearer …".' },
          { 'www-authenticate': 'Bearer' },
        );
      await check();
      return { status: 200, contentType: registry.contentType, body: await registry.metrics() };
    },
  };
};

/** Takes as long whatever is the same of the two. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
const digest = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Ready means that this server can take a payment; otherwise a load balancer should leave it out. */
const readyRoute =
  (check: Readiness): Route =>
  async () => {
    const checks = await check();
    const failing = Object.keys(checks).filter((part) => checks[part] !== 'ok');
    const isReady = failing.every((part) => HELPFUL.has(part));
    const status = !isReady ? 'not ready' : failing.length > 0 ? 'degraded' : 'ready';
    return json(isReady ? 200 : 503, { status, checks });
  };

const inTime = async (checks: ReturnType<Readiness>): ReturnType<Readiness> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Record<string, string>>((resolve) => {
    timer = setTimeout(resolve, READY_MS, { checks: `no answer within ${READY_MS / 1_000} s` });
  });
  try {
    return await Promise.race([checks, late]);
  } finally {
    clearTimeout(timer);
  }
};
