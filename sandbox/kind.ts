import type { Scope } from './scope.js';

/** Whatever the sandbox keeps: Stripe's objects and its own notes. */
export interface StripeObject {
  readonly id: string;
  readonly object: string;
}

/**
 * One kind of row: where it is kept, what it is called in errors, which of its fields have an index (their values are
 * texts; `parent.order` names a field of a field), and which fields `expand[]` may open (field → table of the object behind the id).
 */
export interface Kind<T extends StripeObject> {
  readonly table: string;
  /** The word in `No such …`; the table's name unless given. */
  readonly noun?: string;
  /** What Stripe names as `param` when the path's id is unknown; `id` unless given. */
  readonly pathParam?: string;
  readonly indexes?: readonly string[];
  readonly expandable?: Readonly<Record<string, string>>;
  /** Fields that are absent unless expanded, such as a charge's refunds. */
  readonly included?: Readonly<Record<string, (scope: Scope, id: string) => unknown>>;
  /** Only for the type checker: ties the kind to its row. */
  readonly row?: T;
}

/** The name of an indexed field of `T`, or of a field inside one. */
export type IndexField<T> = (keyof T & string) | `${keyof T & string}.${string}`;
