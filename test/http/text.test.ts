import {
  type GraphQLArgument,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.js';
import { NOUNS } from '../../src/nouns.js';
import { collect, type Edge, startEdge } from './edge.js';

const BAD: [string, string][] = [
  ['NUL', 'a\u0000b'],
  ['a high surrogate alone', 'a\ud83d'],
  ['a low surrogate alone', '\ude00b'],
];

type Value = unknown;

/** A value that the type takes. */
const good = (type: GraphQLInputType): Value => {
  if (isNonNullType(type)) return good(type.ofType);
  if (isListType(type)) return [good(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type))
    return Object.fromEntries(
      Object.values(type.getFields())
        .filter((field) => isNonNullType(field.type))
        .map((field) => [field.name, good(field.type)]),
    );
  return (
    { Int: 1, Float: 1, Boolean: true, MinorUnits: 100, CurrencyCode: 'USD', DateTime: '2026-01-31T12:00:00Z' }[
      type.name
    ] ?? '1'
  );
};

/** The values that hold the text at one place each, with the place. */
const placesIn = (type: GraphQLInputType, path: string, text: string): { path: string; value: Value }[] => {
  if (isNonNullType(type)) return placesIn(type.ofType, path, text);
  if (isListType(type))
    return placesIn(type.ofType, `${path}.0`, text).map(({ path: at, value }) => ({ path: at, value: [value] }));
  if (isInputObjectType(type))
    return Object.values(type.getFields()).flatMap((field) =>
      placesIn(field.type, `${path}.${field.name}`, text).map((place) => ({
        path: place.path,
        value: { ...(good(type) as object), [field.name]: place.value },
      })),
    );
  if (!isScalarType(type)) return [];
  if (type.name === 'JSON')
    return [
      { path: `${path}.note.0`, value: { note: [text] } },
      { path, value: { [text]: 'note' } },
    ];
  return ['String', 'ID'].includes(type.name) ? [{ path, value: text }] : [];
};

interface Case {
  readonly field: string;
  readonly path: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** Every place of every root field's arguments that takes a text. */
const casesWith = (text: string): Case[] => {
  const schema = createSchema(NOUNS);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.flatMap((root) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => {
      const given = field.args.filter((arg) => isNonNullType(arg.type));
      const of = (arg: GraphQLArgument): Case[] =>
        placesIn(arg.type, arg.name, text).map(({ path, value }) => {
          const used = [...new Set([...given, arg])];
          const declared = used.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
          const passed = used.map(({ name }) => `${name}: $${name}`).join(', ');
          const isLeaf = isScalarType(isNonNullType(field.type) ? field.type.ofType : field.type);
          return {
            field: `${root?.name}.${field.name}`,
            path,
            query: `${root?.name.toLowerCase()} (${declared}) { ${field.name}(${passed}) ${isLeaf ? '' : '{ __typename }'} }`,
            variables: Object.fromEntries(used.map((each) => [each.name, each === arg ? value : good(each.type)])),
          };
        });
      return field.args.flatMap(of);
    }),
  );
};

let edge: Edge;
let token: string;
beforeAll(async () => {
  edge = await startEdge();
  token = await edge.token('admin');
});
afterAll(() => edge.close());

describe.each(BAD)('%s', (_, text) => {
  const cases = casesWith(text);

  test('is met at many places', () => {
    const fields = new Set(cases.map(({ field }) => field));
    expect([...fields]).toEqual(
      expect.arrayContaining([
        'Query.payments',
        'Query.webhookEvents',
        'Mutation.assignRole',
        'Mutation.pay',
        'Subscription.paymentUpdated',
      ]),
    );
    expect(cases.length).toBeGreaterThan(50);
  });

  test.each(
    cases
      .filter(({ field }) => !field.startsWith('Subscription'))
      .map((each) => [`${each.field} ${each.path}`, each] as const),
  )('in %s is BAD_USER_INPUT that names the place', async (__, { path, query, variables }) => {
    const { body } = await edge.ask(query, { token, variables });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: path });
    expect(body.errors?.[0]?.message).toContain(`"${path}" holds`);
  });

  test.each(
    cases
      .filter(({ field }) => field.startsWith('Subscription'))
      .map((each) => [`${each.field} ${each.path}`, each] as const),
  )('in %s starts no stream', async (__, { path, query, variables }) => {
    const client = edge.socket(`Bearer ${token}`);
    const message = await collect(client, query, variables).next();
    expect(message?.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: path });
    expect(edge.streams.open.size).toBe(0);
  });
});

test('a literal is looked at like a variable, and whole pairs, line ends and other controls are good', async () => {
  const literal = await edge.ask(String.raw`{ payments(accountId: "a\u0000b") { edges { cursor } } }`, { token });
  expect(literal.body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'accountId' });
  const fine = await edge.ask('query ($id: ID!) { payments(accountId: $id) { edges { cursor } } }', {
    token,
    variables: { id: '😀 a\r\n\tb\u0001' },
  });
  expect(fine.body.errors).toBeUndefined();
});
