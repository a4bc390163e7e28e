import { OwedFlow } from '../../flows/owed-flow.js';
import type { FlowOutcome } from '../../outbox/change-log.js';
import type { Statement } from '../../storage/database.js';
import { selectList } from '../../storage/select-list.js';

/** The columns of an owed flow, for SQL that names the table `w`. */
const COLUMNS = selectList(OwedFlow, 'w').replace('w.id as', 'w.id::text as');

/** An owed flow with what it is told. */
export interface LockedFlow extends OwedFlow {
  readonly data: unknown;
}

/** Which owed flows a list holds. */
export interface OwedFilter {
  readonly orderId?: string | undefined;
  readonly status?: string | undefined;
  readonly after?: string | undefined;
  readonly first: number;
}

/** Newest first. */
export const listOwed = ({ orderId, status, after, first }: OwedFilter): Statement => ({
  text: `select ${COLUMNS} from tollgate.owed_flow w
    where ($1::text is null or order_id = $1) and ($2::text is null or status = $2) and ($3::bigint is null or id < $3)
    order by id desc limit $4`,
  values: [orderId ?? null, status ?? null, after ?? null, first + 1],
});

export const readOwed = (id: string): Statement => ({
  text: `select ${COLUMNS} from tollgate.owed_flow w where id = $1`,
  values: [id],
});

/** Locks the first owed flow of an order; the order's lock must be held. */
export const lockFirst = (orderId: string): Statement => ({
  text: `select ${COLUMNS}, w.data from tollgate.owed_flow w where order_id = $1 and status = 'OWED' order by id limit 1 for update`,
  values: [orderId],
});

/** Locks one, wherever it stands. */
export const lockOne = (id: string): Statement => ({
  text: `select ${COLUMNS}, w.data from tollgate.owed_flow w where id = $1 and status = 'OWED' for update`,
  values: [id],
});

/** Takes up owed flows that are due, of each order the first; each comes back by itself if this process dies with it. */
export const claimDue = (limit: number, leaseSeconds: number): Statement => ({
  text: `update tollgate.owed_flow w set next_try_at = now() + $2 * interval '1 second' where id in (
      select id from tollgate.owed_flow where status = 'OWED' and next_try_at <= now()
      order by next_try_at limit $1 for update skip locked)
    returning ${COLUMNS}`,
  values: [limit, leaseSeconds],
});

/** Ends it, and lets the next of its order be tried at once. */
export const writeEnded = (
  { id, orderId }: Pick<OwedFlow, 'id' | 'orderId'>,
  end: { readonly status: 'DONE' | 'SKIPPED'; readonly actor: string; readonly reason?: string | undefined },
): Statement => ({
  name: 'owed_flow_end',
  text: `with ended as (
      update tollgate.owed_flow set status = $3, ended_at = now(), ended_by = $4, reason = $5, next_try_at = null
      where id = $1 and status = 'OWED' returning id)
    update tollgate.owed_flow set next_try_at = now() where exists (select from ended) and id = (
      select min(id) from tollgate.owed_flow where order_id = $2 and status = 'OWED' and id <> $1)`,
  values: [id, orderId, end.status, end.actor, end.reason ?? null],
});

/** It failed once more by itself. */
export const writeFailedTry = (id: string, error: string, seconds: number): Statement => ({
  text: `update tollgate.owed_flow set tries = tries + 1, error = $2, next_try_at = now() + $3 * interval '1 second'
    where id = $1 and status = 'OWED'`,
  values: [id, error, seconds],
});

/** Its turn has not come: what it needs is busy. */
export const postpone = (id: string, seconds: number): Statement => ({
  text: `update tollgate.owed_flow set next_try_at = now() + $2 * interval '1 second' where id = $1 and status = 'OWED'`,
  values: [id, seconds],
});

/** The tables of the rows whose flows may be owed. */
const TABLES: Readonly<Record<string, string>> = {
  PAYMENT: 'tollgate.payment',
  REFUND: 'tollgate.refund',
  DISPUTE: 'tollgate.dispute',
  RECURRING_PAYMENT: 'tollgate.recurring_payment',
};

/** Gives the row a new version whose entry tells how its flow ended; undefined for what has no row. */
export const writeTold = (
  { nodeType, nodeId, flow, eventId }: OwedFlow,
  { flowOutcome, actor, note }: { readonly flowOutcome: FlowOutcome; readonly actor: string; readonly note: string },
): Statement | undefined => {
  const table = TABLES[nodeType];
  if (table === undefined) return undefined;
  return {
    text: `with n as (update ${table} set version = version + 1, updated_at = now() where id = $1 returning id, version, status)
      insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, flow, flow_outcome, note, published_at)
      select $2, n.id, n.version, n.status, n.status, $3, $4, $5, $6, $7, now() from n`,
    values: [nodeId, nodeType, actor, eventId, flow, flowOutcome, note],
  };
};

/** Events that failed for this order, or that held up a process for it, are tried again at once. */
export const wakeEvents = (orderId: string): Statement => ({
  text: `update tollgate.stripe_event set status = 'FAILED', next_attempt_at = now()
    where status in ('FAILED', 'DEAD') and id in (
      select event_id from tollgate.flow_failure where order_id = $1 and event_id is not null
      union all select event_id from tollgate.flow_freeze where subject = $1 and event_id is not null)
    returning id`,
  values: [orderId],
});
