import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import {
  concatAST,
  type DocumentNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  Source,
  separateOperations,
  validate,
} from 'graphql';
import { hashOf } from '../graphql/manifest.js';
import { createSchema } from '../graphql/schema.js';
import { NOUNS } from '../nouns.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { toTable } from './table.js';

interface Options extends JsonOption {
  readonly out: string;
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly text: string;
}

const isDocument = (file: string): boolean => /\.(graphql|gql)$/.test(file);

/** The files that a path means: itself, or all documents below it but those of dependencies. */
const filesOf = (place: string): string[] => {
  const stat = fs.statSync(place, { throwIfNoEntry: false });
  if (!stat) throw new UsageError(`There is no "${place}". Name files or folders with .graphql files.`);
  if (stat.isFile()) return [place];
  return fs
    .readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((file) => isDocument(file) && !file.split(path.sep).includes('node_modules'))
    .sort()
    .map((file) => path.join(place, file));
};

/** What a schema defines is left out: a folder often holds that of the server too. */
const readDocument = (file: string): DocumentNode => {
  const document = parse(new Source(fs.readFileSync(file, 'utf8'), file));
  const definitions = document.definitions.filter(
    ({ kind }) => kind === Kind.OPERATION_DEFINITION || kind === Kind.FRAGMENT_DEFINITION,
  );
  return { ...document, definitions };
};

const placeOf = ({ source, locations, message }: GraphQLError): string =>
  `${source?.name ?? '?'}:${locations?.[0]?.line ?? '?'}:${locations?.[0]?.column ?? '?'} ${message}`;

/** Each operation with the fragments that it uses, whichever file they are in. Throws UsageError naming file and line. */
const list = (files: readonly string[]): Listed[] => {
  let all: DocumentNode;
  try {
    all = concatAST(files.map(readDocument));
  } catch (error) {
    if (error instanceof GraphQLError) throw new UsageError(placeOf(error));
    throw error;
  }
  const faults = validate(createSchema(NOUNS), all);
  if (faults.length > 0) throw new UsageError(faults.map(placeOf).join('\n'));
  return Object.entries(separateOperations(all)).map(([name, document]) => {
    const text = print(document);
    const operation = document.definitions.find(
      (each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION,
    );
    return { id: hashOf(text), name, kind: operation?.operation ?? '', text };
  });
};

const writeDocuments = (places: readonly string[], options: Options): void => {
  const listed = list([...new Set(places.flatMap(filesOf))]);
  if (listed.length === 0) throw new UsageError(`No operation is in ${places.join(', ')}: nothing was written.`);
  const manifest = Object.fromEntries(listed.map(({ id, text }) => [id, text]));
  fs.writeFileSync(options.out, `${JSON.stringify(manifest, null, 2)}\n`);
  const table = toTable([
    ['NAME', 'KIND', 'CHARACTERS', 'ID'],
    ...listed.map(({ id, name, kind, text }) => [name, kind, String(text.length), id]),
  ]);
  createOutput(options).data(
    { file: options.out, documents: listed.map(({ text: _, ...document }) => document) },
    `${table}\n${listed.length} documents are in ${options.out}. Start the server with TOLLGATE_DOCUMENTS=${options.out}; TOLLGATE_DOCUMENTS_ONLY=true refuses any other.`,
  );
};

/** Adds the command that lists an app's documents for a server that runs no others. */
export const addDocumentsCommand = (program: Command): void => {
  program
    .command('documents')
    .description("check your app's GraphQL documents against this version, and list them in a manifest")
    .argument('<path...>', 'files or folders with .graphql or .gql files')
    .option('--out <file>', 'the manifest', 'documents.json')
    .option('--json', 'print what was listed as JSON')
    .action(writeDocuments);
};
