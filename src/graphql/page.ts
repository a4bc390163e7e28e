import { BadUserInputError } from '../core/errors.js';
import { isNodeId } from '../core/node-id.js';
import type { Page, PageOfBoth, PageRequest } from '../core/page.js';
import type { Builder, ObjectTypes } from './builder.js';

/** Where a page begins and ends, and whether there is more. */
export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

/** One row of a page with the cursor behind which the next page begins. */
export interface Edge<Row> {
  readonly node: Row;
  readonly cursor: string;
}

/** A page in the form of the schema's connections. */
export interface Connection<Row> {
  readonly edges: readonly Edge<Row>[];
  readonly pageInfo: PageInfo;
}

/** The rows that a list gives when it isn't told, as the contract says. */
export const DEFAULT_FIRST = 20;
/** The most rows of a list. */
export const MAX_FIRST = 100;

/** Defines PageInfo, which every list shares. */
export const definePageInfo = (builder: Builder): void => {
  builder.objectType('PageInfo', {
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', { nullable: false }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', { nullable: false }),
      startCursor: t.exposeString('startCursor'),
      endCursor: t.exposeString('endCursor'),
    }),
  });
};

/** Defines the edge and the connection of lists of these rows, e.g. PaymentEdge and PaymentConnection; gives the connection. */
export const defineConnection = <Row extends object>(
  builder: Builder,
  typename: keyof ObjectTypes & string,
  name: string = typename,
) => {
  const edge = builder.objectRef<Edge<Row>>(`${name}Edge`).implement({
    fields: (t) => ({
      // The compiler can't see which type a name stands for: whoever defines the connection gives the type's own row.
      node: t.field({ type: typename, nullable: false, resolve: ({ node }) => node as never }),
      cursor: t.exposeString('cursor', { nullable: false }),
    }),
  });
  return builder.objectRef<Connection<Row>>(`${name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], nullable: false, resolve: ({ edges }) => [...edges] }),
      pageInfo: t.field({ type: 'PageInfo', nullable: false, resolve: ({ pageInfo }) => pageInfo }),
    }),
  });
};

/** Reads a list's `first` and `after`; throws BAD_USER_INPUT for a size beyond 1 to 100 or a cursor that isn't ours. */
export const pageRequest = (
  args: { first?: number | null | undefined; after?: string | null | undefined },
  isId: (id: string) => boolean = isNodeId,
): PageRequest => {
  const first = args.first ?? DEFAULT_FIRST;
  if (first < 1 || first > MAX_FIRST)
    throw new BadUserInputError(`"first" must be 1 to ${MAX_FIRST}; it is ${first}. Read on with "after".`);
  return { first, ...(args.after == null ? {} : { after: readCursor(args.after, isId) }) };
};

interface ArgsOfBoth {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/**
 * The same for a list that is read in both directions: with `last` the last ones before `before`.
 *
 * @throws BadUserInputError
 */
export const pageOfBoth = (
  { last, before, ...forward }: ArgsOfBoth,
  isId: (id: string) => boolean = isNodeId,
): PageOfBoth => {
  const request = pageRequest(forward, isId);
  const bounded = { ...request, ...(before == null ? {} : { before: readCursor(before, isId, 'before') }) };
  if (last == null) return bounded;
  if (last < 1 || last > MAX_FIRST)
    throw new BadUserInputError(`"last" must be 1 to ${MAX_FIRST}; it is ${last}. Read on with "before".`);
  return { ...bounded, first: last, fromEnd: true };
};

/** Shows a page of rows as a connection. */
export const toConnection = <Row extends { readonly id: string }>(
  page: Page<Row>,
  request: PageRequest,
): Connection<Row> => {
  const edges = page.rows.map((node) => ({ node, cursor: toCursor(node.id) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage ?? request.after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
};

const toCursor = (id: string): string => Buffer.from(id).toString('base64');

const readCursor = (cursor: string, isId: (id: string) => boolean, name = 'after'): string => {
  const id = Buffer.from(cursor, 'base64').toString();
  if (!isId(id) || toCursor(id) !== cursor)
    throw new BadUserInputError(
      `"${name}" is not a cursor of this list. Use ${name === 'after' ? 'an endCursor' : 'a startCursor'} that it gave you.`,
    );
  return id;
};
