import { createHash } from 'node:crypto';
import { type DocumentNode, Kind, parse, print, stripIgnoredCharacters } from 'graphql';

/** The documents of an app, each by the id that its clients send. */
export type Manifest = ReadonlyMap<string, string>;

/** How large a manifest may be. */
export const MANIFEST_LIMITS = { bytes: 16 * 1_024 * 1_024, documents: 10_000, idCharacters: 256 };

/** A manifest that can't be used; both sentences are for whoever wrote it. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  constructor(
    /** What is wrong, as the end of a sentence that begins with the manifest's name. */
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}. ${remedy}`);
  }
}

/** The id of a document that nobody named: SHA-256 of its text, as Apollo's clients and Relay's compiler make it. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The id without the prefix of GraphQL over HTTP, appendix "Persisted Documents". */
export const plainId = (id: string): string => id.replace(/^sha256:/, '');

const WRITE_IT = 'Write it with "tollgate documents", or with the compiler of your client.';

/**
 * Reads what "tollgate documents", Relay's compiler and GraphQL Code Generator write (`{"<id>": "<text>"}`), or what
 * Apollo's tools write (`{"operations": [{"id", "body"}]}`).
 *
 * @throws ManifestError where it is none of these, or too large
 */
export const readManifest = (json: string): Manifest => {
  if (Buffer.byteLength(json) > MANIFEST_LIMITS.bytes)
    throw new ManifestError(`is larger than ${MANIFEST_LIMITS.bytes} bytes`, 'List only what this app sends.');
  const entries = entriesOf(parseJson(json));
  if (entries.length === 0) throw new ManifestError('lists no document', WRITE_IT);
  if (entries.length > MANIFEST_LIMITS.documents)
    throw new ManifestError(
      `lists ${entries.length} documents; at most ${MANIFEST_LIMITS.documents} are read`,
      'List only what this app sends.',
    );
  const manifest = new Map<string, string>();
  for (const [id, text] of entries) {
    if (typeof id !== 'string' || typeof text !== 'string' || id === '' || id.length > MANIFEST_LIMITS.idCharacters)
      throw new ManifestError('holds an entry that is no id with a text', WRITE_IT);
    try {
      parse(text);
    } catch {
      throw new ManifestError(`holds a document that is not GraphQL, under the id "${id}"`, WRITE_IT);
    }
    manifest.set(plainId(id), text);
  }
  return manifest;
};

const parseJson = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    throw new ManifestError('is not JSON', WRITE_IT);
  }
};

const entriesOf = (value: unknown): readonly (readonly [unknown, unknown])[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ManifestError('is no object of ids with their documents', WRITE_IT);
  if (!('operations' in value) || !Array.isArray(value.operations)) return Object.entries(value);
  return value.operations.map((operation: { id?: unknown; body?: unknown } | null) => [operation?.id, operation?.body]);
};

const nameOf = (definition: DocumentNode['definitions'][number]): string =>
  `${definition.kind === Kind.OPERATION_DEFINITION ? 0 : 1} ${'name' in definition ? definition.name?.value : ''}`;

/** One text for all ways to write a document: white space, comments and the order of its parts don't count. */
export const canonical = (document: DocumentNode): string => {
  const definitions = [...document.definitions].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return stripIgnoredCharacters(print({ ...document, definitions }));
};
