import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A flow or effect that never gave back control: its process was ended, and this is what remains of the attempt. */
@Entity({ schema: 'tollgate', name: 'flow_freeze' })
@Check('flow_freeze_sort_known', "sort in ('flow', 'effect')")
@Index('flow_freeze_subject', ['sort', 'name', 'subject'])
export class FlowFreeze {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  @Column({ type: 'text' }) declare sort: 'flow' | 'effect';
  /** The flow's file, or the effect's name. */
  @Column({ type: 'text' }) declare name: string;
  /** The order's id, or the effect's idempotency key. */
  @Column({ type: 'text' }) declare subject: string;
  @Column({ name: 'event_id', type: 'text', nullable: true }) declare eventId: string | null;
  /** The event's text without its secrets: the transaction that would have stored it was rolled back. */
  @Column({ type: 'text', nullable: true }) declare event: string | null;
  /** Where in the code it was. */
  @Column({ type: 'text', nullable: true }) declare place: string | null;
  @Column({ type: 'timestamptz', default: () => 'now()' }) declare at: Date;
  /** When the event's row counted it; null while that is to be done. */
  @Column({ name: 'counted_at', type: 'timestamptz', nullable: true }) declare countedAt: Date | null;
}
