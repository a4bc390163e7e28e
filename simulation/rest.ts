import { findStuck } from './invariants.js';
import type { World } from './world.js';

const REST_MS = 25_000;
/** What was published last is with its subscriber by then, at the latest when versions are compared. */
const ARRIVAL_MS = 12_000;
const LOOK_MS = 40;
/** What a reconciliation finds out is told outside, and may have Stripe tell more; seldom more than once. */
const MOST_ROUNDS = 5;
/** Rows are asked about once they are minutes old. */
const OLD_ENOUGH_SECONDS = 600;
const MONTH_AGO_MS = 29 * 86_400_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The newest version of each payment that is watched. */
const newestVersions = async ({ sql }: World): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql.query<{ id: string; version: number }>('select id::text, version from tollgate.payment');
  return new Map(rows.map(({ id, version }) => [id, version]));
};

/** Where the machine is busy, Stripe's answer may come too late even now: then it is asked again. */
const reconcileAll = async (world: World, until: number): Promise<number> => {
  const { operations } = await world.server();
  const since = new Date(Date.now() - MONTH_AGO_MS);
  for (;;) {
    try {
      return (await operations.reconciler.reconcile({ since, everyRow: true })).missing.length;
    } catch (error) {
      if (Date.now() > until) throw error;
      await pause(LOOK_MS);
    }
  }
};

/** What failed outside is tried again now, not in half an hour. */
const hurry = async ({ write }: World): Promise<void> => {
  await write(`update tollgate.outgoing_delivery set next_attempt_at = now() where status = 'FAILED'`);
  await write('update tollgate_jobs._private_jobs set run_at = now() where run_at > now() and locked_at is null');
};

/** What a server had taken up when it died another takes up now, not in half a minute. */
const releaseMessages = ({ write }: World): Promise<void> =>
  write(`update tollgate.outgoing_delivery set next_attempt_at = now()
    where status = 'WAITING' and next_attempt_at > now()`);

/** So is a charge that it was lowering. */
const releaseLowerings = ({ write }: World): Promise<void> =>
  write(`update tollgate.renewal set due_at = now() where due_at > now()`);

/** So is a flow that was owed and failed, or whose server died while it ran it. */
const releaseOwed = ({ write }: World): Promise<void> =>
  write(`update tollgate.owed_flow set next_try_at = now() where status = 'OWED' and next_try_at > now()`);

const waitUntilDone = async (world: World, restMs: number): Promise<void> => {
  const deadline = Date.now() + restMs;
  while (Date.now() < deadline) {
    if ((await findStuck(world)).length === 0) break;
    await hurry(world);
    await pause(LOOK_MS);
  }
  await world.sandbox.settled();
};

/** What was changed and heard of so far. */
const countWritten = async ({ sql }: World): Promise<number> => {
  const { rows } = await sql.query<{ count: number }>(
    'select ((select count(*) from tollgate.change) + (select count(*) from tollgate.stripe_event))::int as count',
  );
  return rows[0]?.count ?? 0;
};

/** The hard times are over: nothing fails any more, and everything that waits gets its turn. */
export const comeToRest = async (world: World, restMs = REST_MS): Promise<void> => {
  world.setTrouble(false);
  await world.control('/faults');
  for (const life of await world.servers()) life.arm(undefined);
  await world.keyring.expireFormer();
  await world.sandbox.settled();
  await world.age(OLD_ENOUGH_SECONDS);
  const missing = await reconcileAll(world, Date.now() + REST_MS);
  world.history.note(`reconciled at the end: ${missing} events were missing`);
  await releaseMessages(world);
  await releaseLowerings(world);
  await releaseOwed(world);
  await waitUntilDone(world, restMs);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const before = await countWritten(world);
    await reconcileAll(world, Date.now() + REST_MS);
    await world.sandbox.settled();
    if ((await countWritten(world)) === before) break;
    await waitUntilDone(world, restMs);
  }
  await Promise.race([world.watcher.upTo(await newestVersions(world)), pause(Math.min(restMs, ARRIVAL_MS))]);
};
