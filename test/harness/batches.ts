import { expect } from 'vitest';
import { deliver } from './signed-event.js';
import type { Server, TestBed } from './tollgate.js';

/** Every event is in a batch, also a single one. */
export const ALWAYS = { TOLLGATE_EVENT_BATCHES: 'always' };

/** Delivers an event; gives the answer's status. */
export const send = async (server: Server, event: object): Promise<number> =>
  (await deliver(server, JSON.stringify(event))).status;

/** Delivers them in the same moment. */
export const sendAll = (server: Server, events: readonly object[]): Promise<number[]> =>
  Promise.all(events.map((event) => send(server, event)));

/** A number that the server tells at /metrics; 0 while it tells none. */
const metricOf = async (server: Server, name: string): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
};
/** Events that were applied in batches, and how many batches these were. */
export const batched = (server: Server): Promise<number> => metricOf(server, 'tollgate_event_batch_size_sum');
export const batches = (server: Server): Promise<number> => metricOf(server, 'tollgate_event_batch_size_count');
export const failures = (server: Server, reason: string): Promise<number> =>
  metricOf(server, `tollgate_event_batch_failures_total{reason="${reason}"}`);
export const aloneFor = (server: Server, reason: string): Promise<number> =>
  metricOf(server, `tollgate_events_alone_total{reason="${reason}"}`);

/** Each of the events was in a batch, in fewer transactions; on a busy machine one may wait too long for a lock, and its events go alone. */
export const expectShared = async (server: Server, events: number): Promise<void> => {
  const shared = await batched(server);
  expect(shared + (await aloneFor(server, 'failed'))).toBe(events);
  expect(await batches(server)).toBeLessThan(shared);
};

/** How the inbox says that these events ended. */
export const statusesOf = async (
  { sql }: Pick<TestBed, 'sql'>,
  events: readonly Record<string, unknown>[],
): Promise<string[]> =>
  (
    await sql.query<{ status: string }>(
      'select status from tollgate.stripe_event where id = any($1::text[]) order by status',
      [events.map(({ id }) => id)],
    )
  ).rows.map(({ status }) => status);
