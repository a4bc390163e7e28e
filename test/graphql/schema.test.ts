import { readFileSync } from 'node:fs';
import { getDirectivesInExtensions, printSchemaWithDirectives } from '@graphql-tools/utils';
import {
  buildSchema,
  type ConstDirectiveNode,
  findBreakingChanges,
  type GraphQLArgument,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  print,
  printType,
} from 'graphql';
import { expect, test } from 'vitest';
import { createBuilder } from '../../src/graphql/builder.js';
import { defineScalars } from '../../src/graphql/scalars.js';
import { createSchema } from '../../src/graphql/schema.js';
import { defineViewer } from '../../src/graphql/viewer.js';
import { NOUNS } from '../../src/nouns.js';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const contract = buildSchema(read('../contract.graphql'));
const schema = createSchema(NOUNS);

/** Every field of a type as the contract prints it, with arguments, defaults, description and permission. */
const fieldsOf = (from: GraphQLSchema, typeName: string): Map<string, string> => {
  const type = from.getType(typeName);
  if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type))
    return new Map(
      Object.values(type.getFields()).map((field) => {
        const declared = field.astNode?.directives ?? [];
        const directives =
          declared.length > 0
            ? declared.map((node: ConstDirectiveNode) => print(node))
            : getDirectivesInExtensions(field).map(
                ({ name, args }) => `@${name}(permission: ${String(args?.['permission'])})`,
              );
        const args = 'args' in field ? field.args : [];
        const text = [
          field.description ?? '',
          ...args.map((arg: GraphQLArgument) => `${arg.name}: ${arg.type} = ${JSON.stringify(arg.defaultValue)}`),
          `${field.type}`,
          'defaultValue' in field ? `= ${JSON.stringify(field.defaultValue)}` : '',
          ...directives,
        ];
        return [field.name, text.join('\n')] as const;
      }),
    );
  if (isEnumType(type)) return new Map([['values', printType(type)]]);
  return new Map();
};

test('nothing that the contract promises is taken away, renamed or changed', () => {
  expect(findBreakingChanges(contract, schema)).toEqual([]);
});

test('everything printed is word for word in the contract: types, arguments, defaults, permissions, descriptions', () => {
  for (const name of Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__'))) {
    const promised = fieldsOf(contract, name);
    const printed = fieldsOf(schema, name);
    const shared = [...printed].filter(([field]) => promised.has(field));
    expect
      .soft(Object.fromEntries(shared), name)
      .toEqual(Object.fromEntries(shared.map(([field]) => [field, promised.get(field)])));
    if (contract.getType(name))
      expect.soft(schema.getType(name)?.description, name).toBe(contract.getType(name)?.description);
  }
});

test('schema.graphql is what the code prints', () => {
  expect(`${printSchemaWithDirectives(schema)}\n`).toBe(read('../../schema.graphql'));
});

test('a root field without a permission stops the build, by its name', () => {
  const builder = createBuilder();
  builder.queryType();
  defineScalars(builder);
  defineViewer(builder);
  builder.queryField('open', (t) => t.string({ resolve: () => 'open' }));
  expect(() => builder.toSchema()).toThrow('Query.open');
});
