import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What an operator set, one row a subject: the plan, the keys (encrypted), the installation's id. */
@Entity({ schema: 'tollgate', name: 'setting' })
export class Setting {
  @PrimaryColumn({ type: 'text' }) declare key: string;
  @Column({ type: 'jsonb' }) declare value: unknown;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) declare updatedAt: Date;
}
