import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What one statement changed and nobody may have been told yet. A trigger of the change log writes it; it is deleted once told. */
@Entity({ schema: 'tollgate', name: 'outbox' })
export class Untold {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  /** The kind of rows: their stream's name. */
  @Column({ name: 'node_type', type: 'text' }) declare nodeType: string;
  @Column({ name: 'node_ids', type: 'bigint', array: true }) declare nodeIds: string[];
  /** Of each of those rows. */
  @Column({ type: 'integer', array: true }) declare versions: number[];
  @Column({ type: 'timestamptz', default: () => 'now()' }) declare at: Date;
}
