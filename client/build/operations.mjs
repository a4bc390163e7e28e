// node operations.mjs FROM.graphql TO.ts: writes each operation with its types, from the schema. Paths are of the checkout.
import fs from 'node:fs';
import path from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as types from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

const root = path.resolve(import.meta.dirname, '..', '..');
const [from = '', to = ''] = process.argv.slice(2);
const parseFile = (file) => parse(fs.readFileSync(path.join(root, file), 'utf8'));

const content = await codegen({
  filename: to,
  schema: parseFile('schema.graphql'),
  documents: [{ location: from, document: parseFile(from) }],
  plugins: [{ types: {} }, { typedDocuments: {} }],
  pluginMap: { types, typedDocuments },
  config: {
    documentMode: 'string',
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
fs.writeFileSync(path.join(root, to), `// Written by client/build/operations.mjs from ${from}.\n${content}`);
