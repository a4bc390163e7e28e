// node operations.mjs FROM.graphql TO.ts: writes each operation as a string with its types, from the schema. Paths are of the checkout.
import fs from 'node:fs';
import path from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as types from '@graphql-codegen/typescript-operations';
import {
  buildASTSchema,
  getNamedType,
  isEnumType,
  isObjectType,
  Kind,
  parse,
  print,
  stripIgnoredCharacters,
  visit,
} from 'graphql';

const root = path.resolve(import.meta.dirname, '..', '..');
const [from = '', to = ''] = process.argv.slice(2);
const parseFile = (file) => parse(fs.readFileSync(path.join(root, file), 'utf8'));
const schema = parseFile('schema.graphql');
const document = parseFile(from);

/** Enums that the server gives: a server of a later release may give values that this build doesn't know. */
const givenEnums = () => {
  const fields = Object.values(buildASTSchema(schema).getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) => Object.values(type.getFields()));
  return new Set(
    fields
      .map(({ type }) => getNamedType(type))
      .filter(isEnumType)
      .map(({ name }) => name),
  );
};

/** `export type Name =\n | 'A'\n | 'B';` also takes any other string, where the server gives it. */
const openEnums = (text) => {
  const given = givenEnums();
  return text.replace(/export type (\w+) =((?:\s*\/\*\*[^*]*\*\/|\s*\| '\w+')+);/g, (whole, name) =>
    given.has(name) ? whole.replace(/;$/, '\n  | (string & {});') : whole,
  );
};

const fragments = new Map(
  document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]),
);

/** The fragments that a definition names, and those that they name. */
const fragmentsOf = (node, found = new Set()) => {
  visit(node, {
    FragmentSpread: ({ name }) => {
      const fragment = fragments.get(name.value);
      if (!fragment || found.has(fragment)) return;
      found.add(fragment);
      fragmentsOf(fragment, found);
    },
  });
  return found;
};

const KINDS = { query: 'Query', mutation: 'Mutation', subscription: 'Subscription' };

/** A plain string has no side effect: a bundler leaves out those that nobody sends. */
const documentOf = (operation) => {
  const name = operation.name.value;
  const type = `${name}${KINDS[operation.operation]}`;
  const text = stripIgnoredCharacters([operation, ...fragmentsOf(operation)].map(print).join('\n'));
  return `export const ${name}Document = ${JSON.stringify(text)} as Document<${type}, ${type}Variables>;`;
};

const written = await codegen({
  filename: to,
  schema,
  documents: [{ location: from, document }],
  plugins: [{ types: {} }],
  pluginMap: { types },
  config: {
    useTypeImports: true,
    enumType: 'string-literal',
    defaultScalarType: 'unknown',
    scalars: {
      ID: { input: 'string', output: 'string' },
      MinorUnits: 'number',
      CurrencyCode: 'string',
      DateTime: 'string',
    },
  },
});
/** The values of the schema's enums: the pages' one table of statuses and permissions. */
const enumValues = () => {
  const enums = Object.values(buildASTSchema(schema).getTypeMap()).filter(
    (type) => isEnumType(type) && !type.name.startsWith('__'),
  );
  const values = enums.map((type) => [type.name, type.getValues().map(({ name }) => name)]);
  return `export const ENUMS = ${JSON.stringify(Object.fromEntries(values))} as const;`;
};

const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
const isClient = to.startsWith('client/');
const documentType = isClient ? './document.js' : 'tollgate-client';
fs.writeFileSync(
  path.join(root, to),
  [
    `// Written by client/build/operations.mjs from ${from}.`,
    `import type { Document } from '${documentType}';`,
    openEnums(written),
    ...(isClient ? [] : [enumValues()]),
    ...operations.map(documentOf),
    '',
  ].join('\n'),
);
