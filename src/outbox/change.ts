import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { keyText } from '../storage/columns.js';

/** One version of a row: the timeline. Append-only; a trigger puts what is to be told into the outbox. */
@Entity({ schema: 'tollgate', name: 'change' })
@Unique('change_version_once', ['nodeType', 'nodeId', 'version'])
@Index('change_unpublished', ['at'], { where: 'published_at is null' })
@Index('change_event', ['eventId'], { where: 'event_id is not null' })
export class Change {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  /** The kind of row: its stream's name. */
  @Column({ name: 'node_type', type: 'text' }) declare nodeType: string;
  @Column({ name: 'node_id', type: 'bigint', transformer: keyText }) declare nodeId: string;
  @Column({ type: 'integer' }) declare version: number;
  @Column({ name: 'from_status', type: 'text', nullable: true }) declare fromStatus: string | null;
  @Column({ name: 'to_status', type: 'text' }) declare toStatus: string;
  /** Who: `account:<id>`, `stripe`, `operator` or `job`. */
  @Column({ type: 'text' }) declare actor: string;
  @Column({ name: 'event_id', type: 'text', nullable: true }) declare eventId: string | null;
  @Column({ type: 'text', nullable: true }) declare flow: string | null;
  /** How the flow ended: `done`, `owed`, `skipped`; null when there was none. */
  @Column({ name: 'flow_outcome', type: 'text', nullable: true }) declare flowOutcome: string | null;
  @Column({ type: 'text', nullable: true }) declare note: string | null;
  @Column({ type: 'timestamptz', default: () => 'now()' }) declare at: Date;
  /** The release before leaves it null until every process has been told. */
  @Column({ name: 'published_at', type: 'timestamptz', nullable: true }) declare publishedAt: Date | null;
}
