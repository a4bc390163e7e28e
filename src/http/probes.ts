import type { Registry } from 'prom-client';
import { json } from './reply.js';
import type { Route, Routes } from './routes.js';

/** Asks each part that the server needs: "ok", or in words what is wrong, without secrets. */
export type Readiness = () => Promise<Readonly<Record<string, string>>>;

const READY_MS = 3_000;

/** The doors for whoever watches the process. */
export const createProbes = (ready: Readiness, registry: Registry): Routes => ({
  'GET /health': () => json(200, { status: 'alive' }),
  'GET /ready': readyRoute(ready),
  'GET /metrics': async () => ({
    status: 200,
    contentType: registry.contentType,
    body: await registry.metrics(),
  }),
});

const readyRoute =
  (ready: Readiness): Route =>
  async () => {
    const checks = await inTime(ready());
    const isReady = Object.values(checks).every((outcome) => outcome === 'ok');
    return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', checks });
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
