import { type DocumentNode, execute, getOperationAST, Kind, type SelectionSetNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from './context.js';

/**
 * Answers fields in the order of the query; Yoga's own executor, in which they were resolved. Operations are run by graphql-js,
 * which keeps the order; a stream's messages, which Yoga's executor must run so that streams end as they should, are put in order.
 * Source: GraphQL specification, section 7.2.2, "Serialized Map Ordering".
 */
export const useFieldOrder = (): Plugin<Context> => ({
  onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
  onSubscribe: ({ args }) => ({
    onSubscribeResult: () => ({
      onNext: ({ result, setResult }) => {
        const operation = getOperationAST(args.document, args.operationName);
        if (operation && result.data)
          setResult({
            ...result,
            data: inOrder(result.data, [operation.selectionSet], args.document) as typeof result.data,
          });
      },
    }),
  }),
});

/** The value with its fields in the order of the selections, whichever types these are for. */
const inOrder = (value: unknown, selections: readonly SelectionSetNode[], document: DocumentNode): unknown => {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, selections, document));
  if (typeof value !== 'object' || value === null || selections.length === 0) return value;
  const fields = new Map<string, SelectionSetNode[]>();
  for (const selection of selections) collectFields(selection, document, fields);
  const held = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    [...fields].flatMap(([key, below]) => (key in held ? [[key, inOrder(held[key], below, document)]] : [])),
  );
};

const collectFields = (
  { selections }: SelectionSetNode,
  document: DocumentNode,
  fields: Map<string, SelectionSetNode[]>,
): void => {
  for (const node of selections) {
    if (node.kind === Kind.FIELD) {
      const key = node.alias?.value ?? node.name.value;
      fields.set(key, [...(fields.get(key) ?? []), ...(node.selectionSet ? [node.selectionSet] : [])]);
    } else if (node.kind === Kind.INLINE_FRAGMENT) collectFields(node.selectionSet, document, fields);
    else
      for (const definition of document.definitions)
        if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === node.name.value)
          collectFields(definition.selectionSet, document, fields);
  }
};
