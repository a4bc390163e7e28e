import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { introspectionCost, isIntrospection } from './introspection.js';
import { DEFAULT_FIRST, MAX_FIRST } from './page.js';

/** How many rows a list is taken to have that doesn't say. */
const ASSUMED_ROWS = 10;

/** What the cost of an operation depends on. The document has been validated: its fragments exist and don't circle. */
export interface CostInput {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What is asked of the schema is not counted further than this. */
  readonly atMost: number;
}

/** What an operation asks for. */
export interface Measure {
  /** The number of fields that it may make us resolve; Infinity where counting was given up. */
  readonly cost: number;
  /** Whether it asks for the schema. */
  readonly introspects: boolean;
  /** How often it asks for the whole of it. */
  readonly schemas: number;
}

/**
 * Measures an operation. Each field costs 1, and what is below a list counts once for each row asked for, also where `first`
 * is a variable (graphql-armor's cost limit takes such a list for one row); what is asked of the schema is counted as it is.
 */
export const measure = (input: CostInput): Measure => {
  const { schema, operation, fragments, variables } = input;
  const costOfFragment = new Map<string, number>();
  const introspections = new Map<string, string>();

  const ofSelections = ({ selections }: SelectionSetNode, parent: GraphQLNamedType | undefined): number =>
    selections.reduce((sum, node) => {
      if (node.kind === Kind.FIELD) return sum + ofField(node, parent);
      if (node.kind === Kind.INLINE_FRAGMENT) {
        const type = node.typeCondition ? schema.getType(node.typeCondition.name.value) : parent;
        return sum + ofSelections(node.selectionSet, type);
      }
      return sum + ofSpread(node.name.value);
    }, 0);

  const ofSpread = (name: string): number => {
    const known = costOfFragment.get(name);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    const cost = fragment ? ofSelections(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value)) : 0;
    costOfFragment.set(name, cost);
    return cost;
  };

  const ofField = (node: FieldNode, parent: GraphQLNamedType | undefined): number => {
    if (isIntrospection(node)) {
      introspections.set(node.alias?.value ?? node.name.value, node.name.value);
      return introspectionCost(node, input);
    }
    if (!node.selectionSet) return 1;
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    if (!field) return 1;
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return 1;
    const takesFirst = field.args.some(({ name }) => name === 'first');
    const isPlainList = isListType(getNullableType(field.type)) && node.name.value !== 'edges';
    const rows = takesFirst ? rowsAskedFor(node, variables) : isPlainList ? ASSUMED_ROWS : 1;
    return 1 + rows * ofSelections(node.selectionSet, type);
  };

  const root = schema.getRootType(operation.operation);
  const cost = ofSelections(operation.selectionSet, root ?? undefined);
  return {
    cost,
    introspects: introspections.size > 0,
    schemas: [...introspections.values()].filter((name) => name === '__schema').length,
  };
};

const rowsAskedFor = (node: FieldNode, variables: CostInput['variables']): number => {
  const value = node.arguments?.find(({ name }) => name.value === 'first')?.value;
  if (value === undefined || value.kind === Kind.NULL) return DEFAULT_FIRST;
  const first =
    value.kind === Kind.VARIABLE
      ? (variables[value.name.value] ?? DEFAULT_FIRST)
      : value.kind === Kind.INT
        ? Number(value.value)
        : MAX_FIRST;
  // Beyond the largest page the list itself refuses.
  return typeof first === 'number' ? Math.min(Math.max(first, 1), MAX_FIRST) : MAX_FIRST;
};

/** The error for an operation that costs too much. */
export const tooComplex = (message: string, options: { nodes?: readonly FieldNode[] } = {}): GraphQLError =>
  new GraphQLError(message, { ...options, extensions: { code: 'QUERY_TOO_COMPLEX' } });
