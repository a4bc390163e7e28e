import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** `OWED`: it is still to run. `SKIPPED`: an operator said that it never will. */
export const OWED_FLOW_STATUSES = ['OWED', 'DONE', 'SKIPPED'] as const;
export type OwedFlowStatus = (typeof OWED_FLOW_STATUSES)[number];

/** A flow whose change was applied without it. Rows are kept: they tell when it ran after all, or who skipped it. */
@Entity({ schema: 'tollgate', name: 'owed_flow' })
@Check('owed_flow_status_known', `status in ('${OWED_FLOW_STATUSES.join("', '")}')`)
@Unique('owed_flow_once', ['nodeType', 'nodeId', 'version'])
@Index('owed_flow_order', ['orderId', 'id'], { where: `status = 'OWED'` })
@Index('owed_flow_due', ['nextTryAt'], { where: `status = 'OWED'` })
export class OwedFlow {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  /** The flow's file. */
  @Column({ type: 'text' }) declare flow: string;
  @Column({ name: 'order_id', type: 'text' }) declare orderId: string;
  /** The kind of row whose change it is: its stream's name, or RENEWAL for a later charge that has no order yet. */
  @Column({ name: 'node_type', type: 'text' }) declare nodeType: string;
  /** The row's id; Stripe's id of a later charge's invoice. */
  @Column({ name: 'node_id', type: 'text' }) declare nodeId: string;
  @Column({ type: 'integer' }) declare version: number;
  @Column({ name: 'to_status', type: 'text' }) declare toStatus: string;
  @Column({ name: 'event_id', type: 'text', nullable: true }) declare eventId: string | null;
  /** The flow's input as it was when the change was applied, without secrets. */
  @Column({ type: 'jsonb', select: false }) declare data: unknown;
  /** What it failed with last, or what it waits behind. */
  @Column({ type: 'text' }) declare error: string;
  @Column({ type: 'text', default: 'OWED' }) declare status: OwedFlowStatus;
  /** How often it was retried since it became owed. */
  @Column({ type: 'integer', default: 0 }) declare tries: number;
  /** Null while it waits behind another of its order, and once it has ended. */
  @Column({ name: 'next_try_at', type: 'timestamptz', nullable: true }) declare nextTryAt: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true }) declare endedAt: Date | null;
  /** `account:<id>`, `operator` or `job`. */
  @Column({ name: 'ended_by', type: 'text', nullable: true }) declare endedBy: string | null;
  /** Why it was skipped. */
  @Column({ type: 'text', nullable: true }) declare reason: string | null;
}

/** How often the flow of a change failed, before the change was applied. */
@Entity({ schema: 'tollgate', name: 'flow_failure' })
@Index('flow_failure_order', ['orderId'])
export class FlowFailure {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'flow_failure_pk' }) declare flow: string;
  @PrimaryColumn({ name: 'node_type', type: 'text', primaryKeyConstraintName: 'flow_failure_pk' })
  declare nodeType: string;
  /** The row's id, or Stripe's where each try would make a new row. */
  @PrimaryColumn({ name: 'node_id', type: 'text', primaryKeyConstraintName: 'flow_failure_pk' })
  declare nodeId: string;
  @PrimaryColumn({ name: 'to_status', type: 'text', primaryKeyConstraintName: 'flow_failure_pk' })
  declare toStatus: string;
  @Column({ name: 'order_id', type: 'text' }) declare orderId: string;
  @Column({ name: 'event_id', type: 'text', nullable: true }) declare eventId: string | null;
  @Column({ type: 'integer', default: 1 }) declare tries: number;
  @Column({ type: 'text' }) declare error: string;
  @Column({ type: 'timestamptz', default: () => 'now()' }) declare at: Date;
}
