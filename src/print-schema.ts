import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { createSchema } from './graphql/schema.js';
import { NOUNS } from './nouns.js';

/** Prints the schema with its directives on stdout, as schema.graphql holds it. */
process.stdout.write(`${printSchemaWithDirectives(createSchema(NOUNS))}\n`);
