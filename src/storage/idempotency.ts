import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { keyText } from './columns.js';

/** A caller's idempotency key, the hash of what was asked with it, and the row that answered. */
@Entity({ schema: 'tollgate', name: 'idempotency' })
// nulls not distinct, which TypeORM can't say: anonymous callers share one namespace.
@Index('idempotency_once', { synchronize: false })
export class Idempotency {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) declare id: string;
  @Column({ name: 'account_id', type: 'text', nullable: true }) declare accountId: string | null;
  @Column({ type: 'text' }) declare operation: string;
  @Column({ type: 'text' }) declare key: string;
  @Column({ name: 'input_hash', type: 'text' }) declare inputHash: string;
  @Column({ name: 'node_id', type: 'bigint', transformer: keyText, nullable: true }) declare nodeId: string | null;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
}
