import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** What an endpoint may be told; a test delivery has the type `test`. */
export const OUTGOING_EVENT_TYPES = [
  'payment.updated',
  'refund.updated',
  'recurring_payment.updated',
  'dispute.updated',
  'order.paid',
  'problem.opened',
  'problem.closed',
] as const;
export type OutgoingEventType = (typeof OUTGOING_EVENT_TYPES)[number];
/** What a delivery is about that tells a problem. */
export const PROBLEM_TYPE = 'PROBLEM';
export const TEST_EVENT_TYPE = 'test';

/** WAITING: not tried yet. FAILED: tried again by itself. DEAD: given up on; redeliver it. */
export const DELIVERY_STATUSES = ['WAITING', 'DELIVERED', 'FAILED', 'DEAD'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A signing secret, sealed; `until` is when one that was rotated away signs no more. */
export interface SealedSecret {
  readonly sealed: string;
  readonly until: string | null;
}

/** Somewhere else that changes are told. Rows are kept, the deleted ones too. */
@Entity({ schema: 'tollgate', name: 'outgoing_webhook' })
export class OutgoingWebhook {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  @Column({ type: 'text' }) declare url: string;
  @Column({ name: 'event_types', type: 'text', array: true }) declare eventTypes: string[];
  @Column({ type: 'boolean', default: true }) declare enabled: boolean;
  @Column({ type: 'text', nullable: true }) declare description: string | null;
  @Column({ type: 'jsonb', select: false }) declare secrets: readonly SealedSecret[];
  /** Why it ended by itself. */
  @Column({ name: 'ended_reason', type: 'text', nullable: true }) declare endedReason: string | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'deleted_at', type: 'timestamptz', nullable: true, select: false }) declare deletedAt: Date | null;
}

/** One message to one endpoint, queued in the transaction of what it tells. */
@Entity({ schema: 'tollgate', name: 'outgoing_delivery' })
@Check('outgoing_delivery_status_known', `status in ('${DELIVERY_STATUSES.join("', '")}')`)
@Unique('outgoing_delivery_once', ['webhookId', 'eventType', 'nodeType', 'nodeId', 'version'])
@Index('outgoing_delivery_due', ['webhookId', 'nextAttemptAt'], { where: `status in ('WAITING', 'FAILED')` })
@Index('outgoing_delivery_queue', ['webhookId', 'id'], { where: `status in ('WAITING', 'FAILED')` })
@Index('outgoing_delivery_behind', ['webhookId', 'nodeType', 'nodeId', 'id'], {
  where: `status in ('WAITING', 'FAILED')`,
})
@Index('outgoing_delivery_listed', ['webhookId', 'createdAt', 'id'])
@Index('outgoing_delivery_node', ['nodeId'])
@Index('outgoing_delivery_created', ['createdAt', 'id'])
@Index('outgoing_delivery_dead', ['createdAt', 'id'], { where: `status = 'DEAD'` })
export class OutgoingDelivery {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  @Column({ name: 'webhook_id', type: 'bigint' })
  @ForeignKey(() => OutgoingWebhook, 'id', { name: 'outgoing_delivery_webhook_fk' })
  declare webhookId: string;
  /** The same at each attempt: what a receiver knows a repetition by. */
  @Column({ name: 'message_id', type: 'text' }) declare messageId: string;
  @Column({ name: 'event_type', type: 'text' }) declare eventType: string;
  @Column({ name: 'node_type', type: 'text', nullable: true }) declare nodeType: string | null;
  @Column({ name: 'node_id', type: 'text', nullable: true }) declare nodeId: string | null;
  @Column({ type: 'integer', nullable: true }) declare version: number | null;
  @Column({ name: 'from_status', type: 'text', nullable: true }) declare fromStatus: string | null;
  /** The row as it was, in the table's own names; of what is no row, the data themselves. */
  @Column({ type: 'jsonb' }) declare snapshot: Readonly<Record<string, unknown>>;
  @Column({ type: 'text', default: 'WAITING' }) declare status: DeliveryStatus;
  @Column({ type: 'integer', default: 0 }) declare attempts: number;
  /** Null once it has ended. */
  @Column({ name: 'next_attempt_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  declare nextAttemptAt: Date | null;
  @Column({ name: 'last_status_code', type: 'integer', nullable: true }) declare lastStatusCode: number | null;
  @Column({ name: 'last_error', type: 'text', nullable: true }) declare lastError: string | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'delivered_at', type: 'timestamptz', nullable: true }) declare deliveredAt: Date | null;
}

/** An order that may be paid, and when that was told. */
@Entity({ schema: 'tollgate', name: 'outgoing_order' })
@Index('outgoing_order_look', ['lookAt'], { where: 'look_at is not null' })
export class OutgoingOrder {
  @PrimaryColumn({ name: 'order_id', type: 'text', primaryKeyConstraintName: 'outgoing_order_pk' })
  declare orderId: string;
  /** When to see whether it is paid; null while nothing hints at it. */
  @Column({ name: 'look_at', type: 'timestamptz', nullable: true }) declare lookAt: Date | null;
  @Column({ name: 'told_at', type: 'timestamptz', nullable: true }) declare toldAt: Date | null;
}
