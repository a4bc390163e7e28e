import type { Page, PageOfBoth } from '../../core/page.js';
import type { Queryable, Statement } from '../../storage/database.js';
import { isDue } from '../../storage/due.js';
import { type Condition, isEqual, isWithin, type Listing, readPage } from '../../storage/listing.js';
import { selectList } from '../../storage/select-list.js';
import { paidPayment } from '../payments/row.js';
import {
  type DeliveryStatus,
  OutgoingDelivery,
  type OutgoingEventType,
  OutgoingWebhook,
  type SealedSecret,
} from './row.js';

const idsAsText = (list: string): string => list.replace(/\b(\w\.(?:id|webhook_id)) as/g, '$1::text as');
const WEBHOOK = idsAsText(selectList(OutgoingWebhook, 'w'));
const DELIVERY = idsAsText(selectList(OutgoingDelivery, 'd'));
const WAITS = `status in ('WAITING', 'FAILED')`;
/** No wait is longer than a day and a quarter of it. */
const DUE = isDue('d.next_attempt_at', '31 hours');

/** An endpoint with what it signs by. */
export interface SigningWebhook extends OutgoingWebhook {
  readonly secrets: readonly SealedSecret[];
}

export const listWebhooks: Statement = {
  text: `select ${WEBHOOK} from tollgate.outgoing_webhook w where deleted_at is null order by w.id`,
};

export const findWebhook = (id: string): Statement => ({
  text: `select ${WEBHOOK}, w.secrets from tollgate.outgoing_webhook w where w.id = $1 and deleted_at is null`,
  values: [id],
});

export const lockWebhook = (id: string): Statement => ({
  text: `select ${WEBHOOK}, w.secrets from tollgate.outgoing_webhook w where w.id = $1 and deleted_at is null for update`,
  values: [id],
});

/** What an operator says of an endpoint. */
export interface WebhookFields {
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string | null;
  readonly enabled: boolean;
}

export const insertWebhook = (
  { url, eventTypes, description, enabled }: WebhookFields,
  secrets: readonly SealedSecret[],
): Statement => ({
  text: `insert into tollgate.outgoing_webhook as w (url, event_types, description, enabled, secrets)
    values ($1, $2, $3, $4, $5) returning ${WEBHOOK}`,
  values: [url, eventTypes, description, enabled, JSON.stringify(secrets)],
});

export const updateWebhook = (id: string, { url, eventTypes, description, enabled }: WebhookFields): Statement => ({
  text: `update tollgate.outgoing_webhook w set url = $2, event_types = $3, description = $4, enabled = $5, ended_reason = null
    where w.id = $1 returning ${WEBHOOK}`,
  values: [id, url, eventTypes, description, enabled],
});

export const updateSecrets = (id: string, secrets: readonly SealedSecret[]): Statement => ({
  text: `update tollgate.outgoing_webhook w set secrets = $2 where w.id = $1 returning ${WEBHOOK}`,
  values: [id, JSON.stringify(secrets)],
});

export const lockAllSecrets: Statement = {
  text: 'select w.id::text as "id", w.secrets from tollgate.outgoing_webhook w where deleted_at is null order by w.id for update',
};

/**
 * Ends an endpoint; what waits for it is given up on. With `url` by its own word, unless it is another address by now; without, it is
 * deleted.
 */
export const endWebhook = (
  id: string,
  { url, reason }: { readonly url?: string; readonly reason: string },
): Statement => ({
  text: `with ended as (
      update tollgate.outgoing_webhook set enabled = false, ended_reason = $3,
        deleted_at = case when $2::text is null then now() else deleted_at end
      where id = $1 and ($2::text is null or url = $2::text) returning id)
    update tollgate.outgoing_delivery set status = 'DEAD', next_attempt_at = null, last_error = coalesce(last_error || ' ', '') || $3
      where webhook_id = (select id from ended) and ${WAITS}`,
  values: [id, url ?? null, reason],
});

/** Endpoints for which something is due. */
export const findDueWebhooks: Statement = {
  name: 'outgoing_due',
  text: `select ${WEBHOOK}, w.secrets from tollgate.outgoing_webhook w where enabled and exists (
    select from tollgate.outgoing_delivery d where d.webhook_id = w.id and ${WAITS} and ${DUE})`,
};

/**
 * Takes up what is due for one endpoint: of each row the first alone, so that its versions come in order. Each comes back by itself if
 * this process dies with it. Which is the first is asked so that one index alone can answer: the planner, whose statistics may be of a
 * time when nothing waited, would read all that waits for each. And as a case, of which it takes half for true: of what it took for
 * rare it would ask all that is due, to sort it, and not the first few of the queue.
 */
export const claimDue = (webhookId: string, limit: number, leaseSeconds: number): Statement => ({
  name: 'outgoing_claim',
  text: `update tollgate.outgoing_delivery d set next_attempt_at = now() + $3 * interval '1 second' where d.id in (
      select d.id from tollgate.outgoing_delivery d where d.webhook_id = $1 and ${WAITS} and ${DUE}
        and exists (select from tollgate.outgoing_webhook w where w.id = $1 and w.enabled)
        and case when d.node_id is null then true else d.id = (
          select e.id from tollgate.outgoing_delivery e where e.${WAITS}
            and (e.webhook_id, e.node_type, e.node_id, e.id) >= (d.webhook_id, d.node_type, d.node_id, 0)
          order by e.webhook_id, e.node_type, e.node_id, e.id limit 1) end
      order by d.id limit $2 for update skip locked)
    returning ${DELIVERY}`,
  values: [webhookId, limit, leaseSeconds],
});

/** How an attempt ended. */
export interface AttemptEnd {
  readonly status: Exclude<DeliveryStatus, 'WAITING'>;
  readonly statusCode: number | null;
  readonly error: string | null;
  /** Seconds until the next attempt; null where there is none. */
  readonly waitSeconds: number | null;
}

/** Writes how attempts ended, each of another delivery, and gives these as they are then. One that was given up on meanwhile stays so, unless it was delivered. */
export const writeAttempts = (ended: readonly { readonly id: string; readonly end: AttemptEnd }[]): Statement => ({
  name: 'outgoing_attempts',
  text: `update tollgate.outgoing_delivery d set status = u.status, attempts = attempts + 1, last_status_code = u.code, last_error = u.error,
      next_attempt_at = now() + u.wait * interval '1 second', delivered_at = case when u.status = 'DELIVERED' then now() end
    from unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::float8[]) as u (id, status, code, error, wait)
    where d.id = any($1::bigint[]) and d.id = u.id and (d.${WAITS} or u.status = 'DELIVERED') returning ${DELIVERY}`,
  values: [
    ended.map(({ id }) => id),
    ended.map(({ end }) => end.status),
    ended.map(({ end }) => end.statusCode),
    ended.map(({ end }) => end.error),
    ended.map(({ end }) => end.waitSeconds),
  ],
});

/** Queues what is no version of a row; `leaseSeconds`: this process delivers it itself. */
export const insertDelivery = (
  delivery: Pick<OutgoingDelivery, 'webhookId' | 'eventType' | 'snapshot'>,
  leaseSeconds: number,
): Statement => ({
  text: `insert into tollgate.outgoing_delivery as d (webhook_id, message_id, event_type, snapshot, next_attempt_at)
    values ($1, gen_random_uuid()::text, $2, $3, now() + $4 * interval '1 second') returning ${DELIVERY}`,
  values: [delivery.webhookId, delivery.eventType, JSON.stringify(delivery.snapshot), leaseSeconds],
});

export const findDelivery = (id: string): Statement => ({
  text: `select ${DELIVERY} from tollgate.outgoing_delivery d where d.id = $1`,
  values: [id],
});

/** Lets it be delivered once more, at once, with all its attempts ahead. */
export const sendAgain = (id: string): Statement => ({
  text: `update tollgate.outgoing_delivery d set status = 'WAITING', attempts = 0, next_attempt_at = now(), delivered_at = null
    where d.id = $1 returning ${DELIVERY}`,
  values: [id],
});

/** The same for all of an endpoint that were given up on. */
export const sendDeadAgain = (webhookId: string): Statement => ({
  text: `update tollgate.outgoing_delivery set status = 'WAITING', attempts = 0, next_attempt_at = now()
    where webhook_id = $1 and status = 'DEAD' returning 1 as "one"`,
  values: [webhookId],
});

/** Which deliveries a list holds. */
export interface DeliveryFilter extends PageOfBoth {
  readonly webhookId?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  readonly eventType?: string | undefined;
  /** What else must hold. */
  readonly conditions: readonly Condition[];
  readonly createdFrom?: Date | undefined;
  readonly createdTo?: Date | undefined;
}

const LISTING: Listing = {
  table: 'tollgate.outgoing_delivery',
  alias: 'd',
  columns: DELIVERY,
  time: 'created_at',
  id: 'bigint',
};

/** Newest first. */
export const listDeliveries = (
  on: Queryable,
  { webhookId, status, eventType, conditions, createdFrom, createdTo, ...page }: DeliveryFilter,
): Promise<Page<OutgoingDelivery>> =>
  readPage<OutgoingDelivery>(
    on,
    LISTING,
    [
      ...isEqual('d.webhook_id', webhookId),
      ...isEqual('d.status', status),
      ...isEqual('d.event_type', eventType),
      ...conditions,
      ...isWithin('d.created_at', createdFrom, createdTo),
    ],
    page,
  );

/** Forgets what was delivered, or given up on, a month ago. */
export const forgetOld: Statement = {
  text: `delete from tollgate.outgoing_delivery
    where status in ('DELIVERED', 'DEAD') and created_at < now() - interval '30 days'`,
};

/** Orders that may be paid; each comes back if this process dies with it. */
export const claimOrders = (limit: number): Statement => ({
  text: `update tollgate.outgoing_order set look_at = now() + interval '30 seconds' where order_id in (
      select order_id from tollgate.outgoing_order where look_at <= now() order by look_at limit $1 for update skip locked)
    returning order_id as "orderId"`,
  values: [limit],
});

/** Locks an order that was not told as paid. */
export const lockUntold = (orderId: string): Statement => ({
  text: `select 1 as "one" from tollgate.outgoing_order where order_id = $1 and told_at is null for update`,
  values: [orderId],
});

/** It isn't paid yet: the next success looks again. */
export const lookLater = (orderId: string): Statement => ({
  text: 'update tollgate.outgoing_order set look_at = null where order_id = $1',
  values: [orderId],
});

/** Tells every endpoint that wants it, once. */
export const tellPaid = (orderId: string, data: object): Statement => ({
  text: `with told as (update tollgate.outgoing_order set told_at = now(), look_at = null where order_id = $1 returning order_id)
    insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
    select w.id, gen_random_uuid()::text, 'order.paid', 'ORDER', told.order_id, 1, $2::jsonb from told, tollgate.outgoing_webhook w
      where w.enabled and 'order.paid' = any(w.event_types)
    on conflict do nothing`,
  values: [orderId, JSON.stringify(data)],
});

/** What is told that is no row's version. */
export interface Told {
  readonly eventType: OutgoingEventType;
  readonly nodeType: string;
  readonly nodeId: string;
  readonly version: number;
  readonly data: object;
}

/** Queues it for every endpoint that wants it; twice is once. */
export const tellOutside = ({ eventType, nodeType, nodeId, version, data }: Told): Statement => ({
  text: `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
    select w.id, gen_random_uuid()::text, $1, $2, $3, $4, $5::jsonb from tollgate.outgoing_webhook w
      where w.enabled and $1 = any(w.event_types)
    on conflict do nothing`,
  values: [eventType, nodeType, nodeId, version, JSON.stringify(data)],
});

/** What each set of keys brought an order, whether or not it was given back: it never shrinks. */
export const sumBrought = (orderId: string): Statement => ({
  text: `select p.currency, sum(p.amount_received + coalesce(p.amount_settled_elsewhere, 0))::bigint as "brought"
    from tollgate.payment p where p.order_id = $1 and ${paidPayment('p.status')} group by p.currency, p.livemode, p.stripe_account`,
  values: [orderId],
});
