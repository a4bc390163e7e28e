// Writes <folder>/operations.ts for each folder with an operations.graphql: every operation with its types, from the schema.
import fs from 'node:fs';
import path from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as types from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

const web = path.resolve(import.meta.dirname, '..');
const schema = parse(fs.readFileSync(path.join(web, '..', 'schema.graphql'), 'utf8'));

const config = {
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
};

for (const folder of ['client', 'console']) {
  const location = path.join(web, folder, 'operations.graphql');
  const content = await codegen({
    filename: path.join(web, folder, 'operations.ts'),
    schema,
    documents: [{ location, document: parse(fs.readFileSync(location, 'utf8')) }],
    plugins: [{ types: {} }, { typedDocuments: {} }],
    pluginMap: { types, typedDocuments },
    config,
  });
  fs.writeFileSync(path.join(web, folder, 'operations.ts'), `// Written by build/typed-operations.mjs.\n${content}`);
}
