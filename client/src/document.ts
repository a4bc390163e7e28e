/**
 * An operation as text, with the types of what it takes and gives; `tollgate-client/operations` is made of them, and any
 * query text can be cast to it.
 */
export type Document<Data, Variables> = string & { readonly __apiType?: (variables: Variables) => Data };

/** An operation whose syntax tree other tools write: a `TypedDocumentNode`. */
export interface TypedNode<Data, Variables> {
  readonly kind: 'Document';
  /** Where it was parsed from text: that text. */
  readonly loc?: { readonly source: { readonly body: string } } | undefined;
  readonly __apiType?: (variables: Variables) => Data;
}

/** What codegen writes with `documentMode: 'string'`. */
export interface TypedString<Data, Variables> {
  toString(): string;
  readonly __meta__?: unknown;
  readonly __apiType?: (variables: Variables) => Data;
}

/** Any typed operation. */
export type Operation<Data, Variables> =
  | Document<Data, Variables>
  | TypedNode<Data, Variables>
  | TypedString<Data, Variables>;

/** Writes a syntax tree as text: `print` of the package `graphql`. */
export type Print = (node: never) => string;

/** The operation as text. Throws a TypeError for a syntax tree that was not made from text, where no `print` was given. */
export const textOf = (operation: Operation<unknown, never>, print: Print | undefined): string => {
  if (typeof operation === 'string' || !('kind' in operation)) return operation.toString();
  if (print) return print(operation as never);
  if (operation.loc) return operation.loc.source.body;
  throw new TypeError('This operation is a syntax tree: give `print` of the package "graphql" to createTollgate.');
};
