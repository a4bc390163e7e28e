import { type Backoff, waitSeconds } from '../../core/backoff.js';
import { BadUserInputError, IllegalTransitionError, NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page } from '../../core/page.js';
import { type Flow, FlowFailedError, type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { decodeFlowData, failureOf, forgetFailures, markOrderOwed } from '../../flows/owed.js';
import type { OwedFlow } from '../../flows/owed-flow.js';
import type { Orders } from '../../orders/orders.js';
import { writeAudit } from '../../storage/audit.js';
import type { Database, Tx } from '../../storage/database.js';
import { CHARGE_FLOW } from '../renewals/decide.js';
import type { OwedCharges } from '../renewals/owed-charges.js';
import {
  claimDue,
  type LockedFlow,
  listOwed,
  lockFirst,
  lockOne,
  type OwedFilter,
  postpone,
  readOwed,
  wakeEvents,
  writeEnded,
  writeFailedTry,
  writeTold,
} from './rows.js';

/** Flows whose changes were applied without them: they run later, in order per order, each exactly once. */
export interface OwedFlows {
  list(filter: OwedFilter): Promise<Page<OwedFlow>>;
  /**
   * Runs it now; one that fails again stays owed, with the error. One that has ended meanwhile is given as it is.
   *
   * @throws NotFoundError, IllegalTransitionError while another of its order comes first
   */
  run(id: string, actor: string): Promise<OwedFlow>;
  /** Says that it never runs; the next of its order is tried. @throws NotFoundError, IllegalTransitionError, BadUserInputError */
  skip(id: string, reason: string, actor: string): Promise<OwedFlow>;
  /**
   * Says that the next flow of this order is owed at once, however often it failed, and tries the events again that wait for it;
   * gives how many.
   *
   * @throws NotFoundError for an order that isn't there
   */
  oweNext(orderId: string, actor: string): Promise<number>;
  /** Runs those that are due, and gives how many. Every process may run it: each is taken once, and again after a crash. */
  runDue(): Promise<number>;
}

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  readonly flows: Flows;
  /** Runs, or skips, the flow that makes a later charge's order. */
  readonly charges: OwedCharges;
  readonly log: FlowLog;
}

const AT_ONCE = 4;
const LEASE_SECONDS = 60;
const BUSY_SECONDS = 3;
const REASON_LENGTH = 500;
/** From a second to ten minutes, without end. */
const OWED_BACKOFF: Backoff = { firstWaitSeconds: 1, longestWaitSeconds: 600 };

/** How one try ended. */
type Tried = 'done' | 'ended' | 'waits';

/** The flow of this name; what it is told was stored in its own form. */
const flowOf = (flows: Flows, name: string): Flow<object> => {
  const found: Readonly<Record<string, Flow<never>>> = {
    'payment-callback': flows.paymentCallback,
    'refund-callback': flows.refundCallback,
    'dispute-callback': flows.disputeCallback,
    'recurring-payment-callback': flows.recurringPaymentCallback,
  };
  const flow = found[name];
  if (!flow) throw new Error(`There is no flow ${name}.`);
  return flow as Flow<object>;
};

const find = async ({ database }: Parts, id: string): Promise<OwedFlow> => {
  const [row] = isNodeId(id) ? await database.query<OwedFlow>(readOwed(id)) : [];
  if (!row) throw new NotFoundError('owed flow', id);
  return row;
};

/** Ends it, in the transaction of its run or of the operator's word. */
const end = (tx: Tx, row: OwedFlow, how: Parameters<typeof writeEnded>[1]): void => {
  tx.send(writeEnded(row, how));
  const isDone = how.status === 'DONE';
  const note = isDone ? 'the flow that was owed ran' : `the flow that was owed is skipped: ${how.reason ?? ''}`;
  const told = writeTold(row, { flowOutcome: isDone ? 'done' : 'skipped', actor: how.actor, note });
  if (told) tx.send(told);
};

/** One transaction: the flow and its end, or neither. */
const tryOnce = (
  { database, orders, flows, log }: Parts,
  { id, orderId, flow }: OwedFlow,
  actor: string,
): Promise<Tried> =>
  database.transaction(async (tx): Promise<Tried> => {
    await orders.hold(tx, orderId);
    const [first] = await tx.query<LockedFlow>(lockFirst(orderId));
    if (first?.id !== id) return first && Number(first.id) < Number(id) ? 'waits' : 'ended';
    await runFlow(flow, flowOf(flows, flow), decodeFlowData(first.data), { tx, log, effects: flows.effects });
    end(tx, first, { status: 'DONE', actor });
    return 'done';
  }, orderId);

/** A later charge is read from Stripe first. */
const tryCharge = async (parts: Parts, row: OwedFlow, actor: string): Promise<Tried> => {
  const settle = async (tx: Tx): Promise<'run' | undefined> => {
    const [first] = await tx.query<LockedFlow>(lockFirst(row.orderId));
    if (first?.id !== row.id) return undefined;
    end(tx, first, { status: 'DONE', actor });
    return 'run';
  };
  if (await parts.charges.settle(row, settle)) return 'done';
  return (await find(parts, row.id)).status === 'OWED' ? 'waits' : 'ended';
};

const attempt = (parts: Parts, row: OwedFlow, actor: string): Promise<Tried> =>
  (row.flow === CHARGE_FLOW ? tryCharge : tryOnce)(parts, row, actor);

const noteFailure = ({ database }: Parts, { id, tries }: OwedFlow, error: FlowFailedError): Promise<unknown> =>
  database.query(writeFailedTry(id, failureOf(error), waitSeconds(tries + 1, OWED_BACKOFF)));

const runDue = async (parts: Parts, row: OwedFlow): Promise<void> => {
  const { id, flow, orderId } = row;
  const { database, log } = parts;
  try {
    if ((await attempt(parts, row, 'job')) === 'done') log.info({ owedFlowId: id, flow, orderId }, 'an owed flow ran');
  } catch (error) {
    if (error instanceof FlowFailedError) await noteFailure(parts, row, error);
    else await database.query(postpone(id, BUSY_SECONDS));
    log.warn({ err: error, owedFlowId: id, flow, orderId }, 'an owed flow is tried again');
  }
};

const runNow = async (parts: Parts, id: string, actor: string): Promise<OwedFlow> => {
  const row = await find(parts, id);
  if (row.status !== 'OWED') return row;
  const { flow, orderId } = row;
  try {
    if ((await attempt(parts, row, actor)) === 'waits')
      throw new IllegalTransitionError(
        `Owed flow ${id} waits behind another of order ${orderId}: run or skip that one first.`,
      );
    await parts.database.query(writeAudit(actor, 'FLOW_RUN', { owedFlowId: id, flow, orderId }));
  } catch (error) {
    if (!(error instanceof FlowFailedError)) throw error;
    await noteFailure(parts, row, error);
  }
  return find(parts, id);
};

/** False where it had ended. */
const skipOne = async (
  { database, orders, charges }: Parts,
  row: OwedFlow,
  { reason, actor }: { readonly reason: string; readonly actor: string },
): Promise<boolean> => {
  const { id, flow, orderId, nodeType, nodeId } = row;
  const settle = async (tx: Tx): Promise<'skip' | undefined> => {
    const [owed] = await tx.query<LockedFlow>(lockOne(id));
    if (!owed) return undefined;
    end(tx, owed, { status: 'SKIPPED', actor, reason });
    tx.send(writeAudit(actor, 'FLOW_SKIPPED', { owedFlowId: id, flow, orderId, nodeType, nodeId, reason }));
    return 'skip';
  };
  if (flow === CHARGE_FLOW) return charges.settle(row, settle);
  return database.transaction(async (tx) => {
    await orders.hold(tx, orderId);
    return (await settle(tx)) !== undefined;
  }, orderId);
};

const oweNext = async ({ database, orders }: Parts, orderId: string, actor: string): Promise<number> => {
  const key = await orders.keyOf(orderId);
  if (key === undefined || !(await orders.find(key))) throw new NotFoundError('order', orderId);
  return database.transaction(async (tx) => {
    tx.send(markOrderOwed(key, `said by ${actor}`));
    tx.send(writeAudit(actor, 'FLOW_OWED', { orderId: key }));
    return (await tx.query(wakeEvents(key))).length;
  });
};

/** Builds it over the order table and the developer's flows. */
export const createOwedFlows = (parts: Parts): OwedFlows => ({
  async list(filter) {
    const rows = await parts.database.query<OwedFlow>(listOwed(filter));
    return { rows: rows.slice(0, filter.first), hasNextPage: rows.length > filter.first };
  },

  run: (id, actor) => runNow(parts, id, actor),

  async skip(id, reason, actor) {
    if (reason.trim() === '' || reason.length > REASON_LENGTH)
      throw new BadUserInputError(`A reason has 1 to ${REASON_LENGTH} characters.`);
    const isSkipped = await skipOne(parts, await find(parts, id), { reason, actor });
    const after = await find(parts, id);
    if (!isSkipped)
      throw new IllegalTransitionError(`Owed flow ${id} is ${after.status}: there is nothing to skip any more.`);
    return after;
  },

  oweNext: (orderId, actor) => oweNext(parts, orderId, actor),

  async runDue() {
    await parts.database.query(forgetFailures);
    const due = await parts.database.query<OwedFlow>(claimDue(AT_ONCE, LEASE_SECONDS));
    await Promise.all(due.map((row) => runDue(parts, row)));
    return due.length;
  },
});
