/** The types that the bound table's key may have. */
export const ORDER_KEY_TYPES = ['integer', 'bigint', 'uuid'] as const;
export type OrderKeyType = (typeof ORDER_KEY_TYPES)[number];

/**
 * The one binding to the app's order table; it is never changed or removed. Not an entity: TypeORM has no `regclass`,
 * which survives a dump and restore where an oid does not.
 */
export interface OrderBinding {
  /** Schema-qualified, quoted where SQL needs it: goes into a statement as it stands. */
  readonly tableName: string;
  /** Column names as they are, unquoted. */
  readonly idColumn: string;
  readonly idType: OrderKeyType;
  readonly ownerColumn: string | null;
  readonly amountColumn: string | null;
  readonly currencyColumn: string | null;
  readonly boundAt: Date;
}
