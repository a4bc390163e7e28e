import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { EventStatus } from '../core/states.js';

/** The inbox: every verified event, its text without what could confirm or open something, and how it ended. */
@Entity({ schema: 'tollgate', name: 'stripe_event' })
@Index('stripe_event_dead', ['receivedAt'], { where: "status = 'DEAD'" })
@Index('stripe_event_due', ['nextAttemptAt'], { where: "status in ('RECEIVED', 'FAILED')" })
@Index('stripe_event_object', ['objectId'], { where: "status <> 'PROCESSED'" })
@Index('stripe_event_received', ['receivedAt', 'id'])
@Index('stripe_event_type', ['type', 'receivedAt', 'id'], {
  where:
    "type <> 'payment_intent.created' and type <> 'payment_intent.succeeded' and type <> 'charge.succeeded' and type <> 'charge.updated'",
})
@Index('stripe_event_status', ['status', 'receivedAt', 'id'], { where: "status <> 'PROCESSED'" })
export class StripeEvent {
  @PrimaryColumn({ type: 'text' }) declare id: string;
  @Column({ type: 'text' }) declare type: string;
  /** The id of the object that the event is about; for a charge or a refund that of its payment intent, by which ours is found. */
  @Column({ name: 'object_id', type: 'text', nullable: true }) declare objectId: string | null;
  @Column({ type: 'text' }) declare status: EventStatus;
  @Column({ type: 'text', nullable: true }) declare reason: string | null;
  @Column({ type: 'integer', default: 1 }) declare attempts: number;
  @Column({ name: 'last_error', type: 'text', nullable: true }) declare lastError: string | null;
  /** When a job tries again; null when it is done with. */
  @Column({ name: 'next_attempt_at', type: 'timestamptz', nullable: true }) declare nextAttemptAt: Date | null;
  /** The verified body with its secrets redacted; null once it is older than is kept. */
  @Column({ type: 'text', nullable: true }) declare payload: string | null;
  @Column({ name: 'received_at', type: 'timestamptz', default: () => 'now()' }) declare receivedAt: Date;
  @Column({ name: 'processed_at', type: 'timestamptz', nullable: true }) declare processedAt: Date | null;
}
