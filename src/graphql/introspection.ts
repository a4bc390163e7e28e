import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNullableType,
  isListType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValidationRule,
} from 'graphql';

/** Who may introspect the schema. */
export type Introspection = 'everyone' | 'logged_in' | 'nobody';

/** A field's answer about the schema is made at once, without a pause for others, so it costs more than one of rows. */
const WEIGHT = 2;

const META_FIELDS: Readonly<Record<string, GraphQLField<unknown, unknown>>> = {
  [SchemaMetaFieldDef.name]: SchemaMetaFieldDef,
  [TypeMetaFieldDef.name]: TypeMetaFieldDef,
};

/** Whether the field asks for the schema: `__schema` or `__type`. */
export const isIntrospection = (node: FieldNode): boolean => node.name.value in META_FIELDS;

/** What the cost of one `__schema` or `__type` depends on. */
export interface IntrospectionCostInput {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** It is not counted further than this. */
  readonly atMost: number;
}

class CountedEnough extends Error {}

/**
 * What the field's answer costs: the fields that it will really hold, since the schema is known. Infinity above `atMost`, and
 * the count takes no longer than that, whatever is asked.
 */
export const introspectionCost = (root: FieldNode, input: IntrospectionCostInput): number => {
  const { schema, fragments, variables, atMost } = input;
  let cost = 0;

  const countField = (node: FieldNode, source: unknown, field: GraphQLField<unknown, unknown> | undefined): void => {
    cost += WEIGHT;
    if (cost > atMost) throw new CountedEnough();
    if (!field?.resolve || !node.selectionSet) return;
    // None of the schema's own resolvers reads more of `info` than the schema.
    const info = { schema } as Parameters<typeof field.resolve>[3];
    const value: unknown = field.resolve(source, argumentsOf(field, node, variables), undefined, info);
    countValue(node.selectionSet, value, field.type);
  };

  const countValue = (selections: SelectionSetNode, value: unknown, type: GraphQLOutputType): void => {
    if (value === null || value === undefined) return;
    const plain = getNullableType(type);
    if (isListType(plain)) for (const item of value as Iterable<unknown>) countValue(selections, item, plain.ofType);
    else countSelections(selections, value, plain);
  };

  const countSelections = ({ selections }: SelectionSetNode, source: unknown, type: GraphQLOutputType): void => {
    if (!isObjectType(type)) return;
    for (const node of selections) {
      if (node.kind === Kind.FIELD) countField(node, source, type.getFields()[node.name.value]);
      else if (node.kind === Kind.INLINE_FRAGMENT) countSelections(node.selectionSet, source, type);
      else {
        const fragment = fragments.get(node.name.value);
        if (fragment) countSelections(fragment.selectionSet, source, type);
      }
    }
  };

  try {
    countField(root, undefined, META_FIELDS[root.name.value]);
    return cost;
  } catch (error) {
    if (error instanceof CountedEnough) return Number.POSITIVE_INFINITY;
    throw error;
  }
};

/** Arguments that don't fit end the operation when it runs; here they are none. */
const argumentsOf = (
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: IntrospectionCostInput['variables'],
): Record<string, unknown> => {
  try {
    return getArgumentValues(field, node, variables);
  } catch {
    return {};
  }
};

/** Refuses introspection where nobody may ask, with a message that says so. */
export const noIntrospectionRule: ValidationRule = (context) => ({
  Field: (node) => {
    if (!isIntrospection(node)) return;
    const message = `Introspection is switched off on this server, so "${node.name.value}" can't be asked.`;
    context.reportError(new GraphQLError(message, { nodes: node, extensions: { code: 'FORBIDDEN' } }));
  },
});

/** The refusal of introspection to a caller without a token. */
export const introspectionNeedsToken = (): GraphQLError =>
  new GraphQLError('Introspection needs a token on this server. Send "authorization: Bearer <token>".', {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, spec: true } },
  });
