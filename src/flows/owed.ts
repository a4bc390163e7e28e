import { wordsOf } from '../core/errors.js';
import { redact } from '../core/redaction.js';
import type { Database, Statement, Tx } from '../storage/database.js';
import type { Effects, JobSpec } from './effects.js';
import { type Flow, FlowFailedError, type FlowLog, runFlow } from './flows.js';

/** After so many failed tries a change is applied without its flow. */
const FAILURES_UNTIL_OWED = 3;
const ERROR_LENGTH = 300;

/** Which change's flow it is. */
export interface FlowSubject {
  /** The flow's file. */
  readonly flow: string;
  readonly orderId: string;
  /** The kind of row: its stream's name. */
  readonly nodeType: string;
  readonly nodeId: string;
  /** What its failures are counted under where that isn't the row's id: a row that is new gets another one at each try. */
  readonly countedAs?: string;
  readonly version: number;
  readonly toStatus: string;
  readonly eventId?: string | undefined;
}

/** One flow's run; what it queues goes to `jobs`, its statements to `tx`. */
export type FlowRun = (tx: Tx, jobs: JobSpec[]) => Promise<unknown>;

/** A change's flow that is to run later in its transaction. */
export interface FlowTurn {
  readonly subject: FlowSubject;
  readonly run: FlowRun;
}

/** How the flow of a version ended, for its timeline entry. `owed`: it runs later, automatically. */
export interface FlowEnd {
  readonly flow: string;
  readonly flowOutcome: 'done' | 'owed';
  /** Why it is owed. */
  readonly note?: string | undefined;
}

/** The operator's word that an order's next flow is owed at once: a failure of no row's, under the order's id. */
const ORDER_MARK = 'ORDER';

/**
 * SQL for what keeps a flow from running in the change's own transaction: that it failed too often, that an operator said so, or that
 * an earlier one of its order is owed; null where it may run. Exact while the order's lock is held. Asked once per statement whether
 * there is anything to find at all: as a rule there is not.
 *
 * @param of SQL for the flow, the order's id, the row's kind and id, and the status that it comes to; each a text
 */
export const obstacleSql = (of: Record<'flow' | 'order' | 'type' | 'id' | 'status', string>): string => `case when (
      select exists (select from tollgate.owed_flow where status = 'OWED') or exists (select from tollgate.flow_failure)
    ) then coalesce(
    (select 'waits behind ' || w.flow || ' (' || w.id || ')' from tollgate.owed_flow w
      where w.order_id = ${of.order} and w.status = 'OWED' order by w.id limit 1),
    (select f.error from tollgate.flow_failure f
      where f.flow = ${of.flow} and f.node_type = ${of.type} and f.node_id = ${of.id} and f.to_status = ${of.status}
        and f.tries >= ${FAILURES_UNTIL_OWED}),
    (select f.error from tollgate.flow_failure f
      where f.flow = '' and f.node_type = '${ORDER_MARK}' and f.node_id = ${of.order} and f.to_status = '')) end`;

/** What the failures of a flow are counted under. */
const countedOf = ({ nodeId, countedAs = nodeId }: Pick<FlowSubject, 'nodeId' | 'countedAs'>): string => countedAs;

const readObstacle = ({ flow, orderId, nodeType, toStatus, ...of }: FlowSubject): Statement => ({
  name: 'flow_obstacle',
  text: `select ${obstacleSql({ flow: '$1::text', order: '$2::text', type: '$3::text', id: '$4::text', status: '$5::text' })} as "obstacle"`,
  values: [flow, orderId, nodeType, countedOf(of), toStatus],
});

/** What keeps the flow from running now; null where nothing does. The order's lock must be held. */
export const findObstacle = async (tx: Tx, subject: FlowSubject): Promise<string | null> =>
  (await tx.query<{ obstacle: string | null }>(readObstacle(subject)))[0]?.obstacle ?? null;

/** Whether the flow failed so often for this row that something else must happen. */
export const failedTooOften = async (
  tx: Tx,
  { flow, nodeType, nodeId, toStatus }: Pick<FlowSubject, 'flow' | 'nodeType' | 'nodeId' | 'toStatus'>,
): Promise<boolean> =>
  (
    await tx.query({
      name: 'flow_failed_too_often',
      text: `select 1 as "one" from tollgate.flow_failure
        where flow = $1 and node_type = $2 and node_id = $3 and to_status = $4 and tries >= ${FAILURES_UNTIL_OWED}`,
      values: [flow, nodeType, nodeId, toStatus],
    })
  ).length > 0;

/** Dates keep being dates. */
const encode = (data: object): string =>
  JSON.stringify(data, function (this: Record<string, unknown>, key: string, value: unknown) {
    const given = this[key];
    return given instanceof Date ? { $date: given.toISOString() } : value;
  });

/** Reads what `owe` stored. */
export const decodeFlowData = (stored: unknown): object =>
  JSON.parse(JSON.stringify(stored), (_, value: unknown) =>
    typeof value === 'object' && value !== null && '$date' in value ? new Date(String(value.$date)) : value,
  ) as object;

/** Nothing in it confirms a payment or opens a page. */
const withoutSecrets = (text: string): string => {
  const object = JSON.parse(text) as object;
  return redact(object, text) ?? JSON.stringify(object);
};

/**
 * Owes the flow of a change that is applied in this transaction; the order's lock must be held. The first of its order is tried in a
 * second, the others behind it. Twice for one version changes nothing.
 */
export const owe = (
  tx: Tx,
  subject: FlowSubject,
  { data, obstacle }: { readonly data: object; readonly obstacle: string },
): void => {
  const { flow, orderId, nodeType, nodeId, version, toStatus, eventId } = subject;
  tx.send({
    text: `insert into tollgate.owed_flow (flow, order_id, node_type, node_id, version, to_status, event_id, data, error, next_try_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, case when not exists (
        select from tollgate.owed_flow w where w.order_id = $2 and w.status = 'OWED') then now() + interval '1 second' end)
      on conflict (node_type, node_id, version) do nothing`,
    values: [
      flow,
      orderId,
      nodeType,
      nodeId,
      version,
      toStatus,
      eventId ?? null,
      withoutSecrets(encode(data)),
      obstacle,
    ],
  });
  tx.send({
    text: `delete from tollgate.flow_failure where (flow = $1 and node_type = $2 and node_id = $3 and to_status = $4)
      or (flow = '' and node_type = '${ORDER_MARK}' and node_id = $5)`,
    values: [flow, nodeType, countedOf(subject), toStatus, orderId],
  });
};

/** What the timeline says of a flow that is owed. */
const owedNote = (obstacle: string): string => `the flow is owed: ${obstacle}`;

/** Whose failures these errors are: counted once the transaction was rolled back. */
const subjects = new WeakMap<FlowFailedError, FlowSubject>();

/** Runs it, and lets its failure be counted for this change. */
export const countingFailure = async <T>(subject: FlowSubject, run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FlowFailedError) subjects.set(error, subject);
    throw error;
  }
};

/**
 * Runs the flow of a change in its transaction, or owes it where it failed too often or an earlier one of its order is owed. With
 * `turns` it is only added to those that run there later: a failure takes all back.
 *
 * @throws FlowFailedError, see runFlow; the failure is counted
 */
export const runOrOwe = async <Data extends object>(
  subject: FlowSubject,
  flow: Flow<Data>,
  {
    data,
    turns,
    ...parts
  }: {
    readonly data: Data;
    readonly tx: Tx;
    readonly log: FlowLog;
    readonly effects: Effects;
    readonly turns?: FlowTurn[] | undefined;
  },
): Promise<FlowEnd> => {
  const obstacle = await findObstacle(parts.tx, subject);
  if (obstacle !== null) {
    owe(parts.tx, subject, { data, obstacle });
    return { flow: subject.flow, flowOutcome: 'owed', note: owedNote(obstacle) };
  }
  if (turns) turns.push({ subject, run: (tx, jobs) => runFlow(subject.flow, flow, data, { ...parts, tx, jobs }) });
  else await countingFailure(subject, () => runFlow(subject.flow, flow, data, parts));
  return { flow: subject.flow, flowOutcome: 'done' };
};

const writeFailure = (subject: FlowSubject, error: FlowFailedError): Statement => ({
  text: `insert into tollgate.flow_failure as f (flow, node_type, node_id, to_status, order_id, event_id, error)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (flow, node_type, node_id, to_status) do update
      set tries = f.tries + 1, error = excluded.error, at = now(), event_id = coalesce(excluded.event_id, f.event_id)`,
  values: [
    subject.flow,
    subject.nodeType,
    countedOf(subject),
    subject.toStatus,
    subject.orderId,
    subject.eventId ?? null,
    failureOf(error),
  ],
});

/** What a flow failed with, in a line's length. */
export const failureOf = (error: FlowFailedError): string => wordsOf(error.cause ?? error).slice(0, ERROR_LENGTH);

/** The same database, which counts the failures of flows once what they were in was rolled back. */
export const countFlowFailures = (
  database: Database,
  log: { warn(detail: object, message: string): void },
): Database => ({
  ...database,
  async transaction(work, about) {
    try {
      return await database.transaction(work, about);
    } catch (error) {
      const subject = error instanceof FlowFailedError ? subjects.get(error) : undefined;
      if (subject && error instanceof FlowFailedError) {
        subjects.delete(error);
        await database
          .query(writeFailure(subject, error))
          .catch((failure: unknown) => log.warn({ err: failure, ...subject }, 'the failure of a flow was not counted'));
      }
      throw error;
    }
  },
});

/** Marks an order, so that its next flow is owed at once. */
export const markOrderOwed = (orderId: string, error: string): Statement => ({
  text: `insert into tollgate.flow_failure (flow, node_type, node_id, to_status, order_id, error)
    values ('', '${ORDER_MARK}', $1, '', $1, $2) on conflict (flow, node_type, node_id, to_status) do update set at = now()`,
  values: [orderId, error],
});

/** Forgets failures of a day ago: their changes were applied long since, or will never be. */
export const forgetFailures: Statement = {
  text: `delete from tollgate.flow_failure where at < now() - interval '1 day'`,
};
