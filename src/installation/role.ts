import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A named set of permissions. `anonymous`, `logged_in` and `admin` are there from the start. */
@Entity({ schema: 'tollgate', name: 'role' })
export class Role {
  @PrimaryColumn({ type: 'text' }) declare name: string;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) declare createdAt: Date;
}

/** One permission of one role. */
@Entity({ schema: 'tollgate', name: 'role_permission' })
export class RolePermission {
  @PrimaryColumn({ type: 'text' })
  @ForeignKey(() => Role, 'name', { name: 'role_permission_role_fk' })
  declare role: string;
  @PrimaryColumn({ type: 'text' }) declare permission: string;
}

/** One role of one account. */
@Entity({ schema: 'tollgate', name: 'account_role' })
@Index('account_role_role', ['role'])
export class AccountRole {
  @PrimaryColumn({ name: 'account_id', type: 'text' }) declare accountId: string;
  @PrimaryColumn({ type: 'text' })
  @ForeignKey(() => Role, 'name', { name: 'account_role_role_fk' })
  declare role: string;
}
