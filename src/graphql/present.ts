import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

type Field = GraphQLField<unknown, unknown>;

const isGuarded = ({ extensions }: Field): boolean =>
  (extensions['directives'] as Record<string, unknown> | undefined)?.['requiresPermission'] !== undefined;

/** A part of the row itself: a value, or values under one name; not another row, nor a list of them. */
const isOwn = (field: Field): boolean => {
  const type = getNamedType(field.type);
  if (field.args.length > 0 || isGuarded(field)) return false;
  if (isLeafType(type)) return true;
  const bare = isNonNullType(field.type) ? field.type.ofType : field.type;
  return isObjectType(type) && !isListType(bare) && type.getInterfaces().length === 0 && !('edges' in type.getFields());
};

/** These resolve from the row alone, so there is neither a context nor a query. */
const resolved = (field: Field, row: object): unknown =>
  (field.resolve ?? defaultFieldResolver)(row, {}, {}, { fieldName: field.name } as never);

const present = (type: GraphQLObjectType, row: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.values(type.getFields())
      .filter(isOwn)
      .map((field) => [field.name, shown(field, resolved(field, row))]),
  );

const shown = (field: Field, value: unknown): unknown => {
  if (value === null || value === undefined) return null;
  const type = getNamedType(field.type);
  if (isObjectType(type)) return present(type, value as object);
  if (!isLeafType(type)) throw new Error(`${field.name} is no value.`);
  return Array.isArray(value) ? value.map((one) => type.serialize(one)) : type.serialize(value);
};

/**
 * A row as the schema shows it to who may read all of it: its own fields by their names in GraphQL, without those that lead to other
 * rows or need a permission of their own.
 */
export const presentRow = (schema: GraphQLSchema, typename: string, row: object): Record<string, unknown> => {
  const type = schema.getType(typename);
  if (!isObjectType(type)) throw new Error(`The schema has no type ${typename}.`);
  return present(type, row);
};
