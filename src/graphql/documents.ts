import { GraphQLError, parse } from 'graphql';
import { createLRUCache } from 'graphql-yoga';
import { SIGN_IN } from './console-session.js';
import type { Limits } from './limits.js';
import { canonical, hashOf, type Manifest, plainId } from './manifest.js';
import type { Session } from './session.js';

/** Which documents callers may send. */
export interface DocumentRules {
  /** What is known by its id; undefined: nothing. */
  readonly manifest?: Manifest | undefined;
  /** Whether whoever lacks DOCUMENT_ANY may send what the manifest lists alone. */
  readonly only: boolean;
  /** Whether a text that came once with its hash is known by the hash from then on, in this process. */
  readonly automatic: boolean;
}

/** What a request says of its document. */
export interface DocumentParams {
  readonly query?: unknown;
  /** GraphQL over HTTP, appendix "Persisted Documents". */
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/**
 * The text to run for what a request says, on every door alike.
 *
 * @throws GraphQLError DOCUMENT_NOT_FOUND, DOCUMENT_MISMATCH or DOCUMENT_NOT_LISTED; PERSISTED_QUERY_NOT_FOUND and
 * PERSISTED_QUERY_NOT_SUPPORTED in Apollo's form, whose clients then send the text
 */
export type DocumentOf = (params: DocumentParams, session: Session) => string | undefined;

/** Sends any document: nothing is listed, nothing is learned. */
export const ANY_DOCUMENT: DocumentRules = { only: false, automatic: false };

/** How many texts are known by their hash, and how many verdicts on texts are kept. */
const LEARNED = 1_000;

/** Makes the rules that all doors share. */
export const createDocuments = (
  rules: DocumentRules,
  limits: Pick<Limits, 'tokens' | 'documentCharacters'>,
): DocumentOf => {
  // Whoever signs in to the console is nobody yet, whose document no app's manifest lists.
  const listed = createList(new Map([...(rules.manifest ?? []), [hashOf(SIGN_IN), SIGN_IN]]), limits);
  const learned = createLRUCache<string>({ max: LEARNED });

  const assertMaySend = (text: string, { caller }: Session): string => {
    if (!rules.only || caller.permissions.has('DOCUMENT_ANY') || listed.hasText(text)) return text;
    throw refusal(
      'This server runs only the documents that its manifest lists, and this is none of them. Add it with "tollgate documents", or ask with a role that has DOCUMENT_ANY.',
      'DOCUMENT_NOT_LISTED',
      403,
    );
  };

  const byHash = (hash: string, text: string, session: Session): string => {
    if (text === '') {
      const known = listed.byId(hash) ?? learned.get(hash);
      if (known !== undefined) return known;
      // Apollo's clients know these words and codes, and send the text then. Source: Apollo, "Automatic Persisted Queries".
      if (rules.automatic) throw refusal('PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND', 404);
      throw refusal('PersistedQueryNotSupported', 'PERSISTED_QUERY_NOT_SUPPORTED', 400);
    }
    if (hashOf(text) !== hash)
      throw refusal('The hash is not that of the document: send its SHA-256 in hex.', 'DOCUMENT_MISMATCH', 400);
    assertMaySend(text, session);
    if (rules.automatic && text.length <= limits.documentCharacters) learned.set(hash, text);
    return text;
  };

  const byId = (id: string, text: string): string => {
    const known = listed.byId(id) ?? learned.get(id);
    if (known === undefined)
      throw refusal(
        rules.manifest === undefined
          ? 'This server has no manifest of documents: send the document as "query", or set TOLLGATE_DOCUMENTS.'
          : 'The manifest of this server lists no document with this id: add it with "tollgate documents" and start the server again.',
        'DOCUMENT_NOT_FOUND',
        404,
      );
    if (text !== '' && text !== known)
      throw refusal('The document is another one than its id: send one of both.', 'DOCUMENT_MISMATCH', 400);
    return known;
  };

  return ({ query, documentId, extensions }, session) => {
    const text = typeof query === 'string' ? query : '';
    if (documentId !== undefined && documentId !== null) return byId(plainId(idOf(documentId, 'documentId')), text);
    const hash = persistedHash(extensions);
    if (hash !== undefined) return byHash(hash, text, session);
    return typeof query === 'string' ? assertMaySend(query, session) : undefined;
  };
};

/** What is listed: by its id, by its hash, and by any way to write it. */
const createList = (
  manifest: Manifest,
  { tokens, documentCharacters }: Pick<Limits, 'tokens' | 'documentCharacters'>,
) => {
  const ids = new Map<string, string>();
  const texts = new Set<string>();
  for (const [id, text] of manifest) {
    ids.set(hashOf(text), text).set(id, text);
    texts.add(canonical(parse(text)));
  }
  const verdicts = createLRUCache<boolean>({ max: LEARNED });
  const judge = (text: string): boolean => {
    if (text.length > documentCharacters) return false;
    try {
      return texts.has(canonical(parse(text, { maxTokens: tokens })));
    } catch {
      return false;
    }
  };
  return {
    byId: (id: string): string | undefined => ids.get(id),
    hasText: (text: string): boolean => {
      const hash = hashOf(text);
      const known = verdicts.get(hash);
      if (known !== undefined) return known;
      const verdict = judge(text);
      verdicts.set(hash, verdict);
      return verdict;
    },
  };
};

const idOf = (value: unknown, field: string): string => {
  if (typeof value === 'string' && value !== '') return value;
  throw new GraphQLError(`"${field}" must be the id of a document, as text.`, {
    extensions: { code: 'BAD_USER_INPUT', field, http: { status: 400 } },
  });
};

/** The hash of Apollo's form, in `extensions`. */
const persistedHash = (extensions: unknown): string | undefined => {
  if (typeof extensions !== 'object' || extensions === null || !('persistedQuery' in extensions)) return undefined;
  const { persistedQuery } = extensions;
  if (persistedQuery === null || persistedQuery === undefined) return undefined;
  const said: object = typeof persistedQuery === 'object' ? persistedQuery : {};
  if ('version' in said && said.version !== 1)
    throw refusal('PersistedQueryNotSupported', 'PERSISTED_QUERY_NOT_SUPPORTED', 400);
  return idOf('sha256Hash' in said ? said.sha256Hash : undefined, 'extensions.persistedQuery.sha256Hash').toLowerCase();
};

/** `spec`: with application/json the status stays 200, as GraphQL over HTTP asks. */
const refusal = (message: string, code: string, status: number): GraphQLError =>
  new GraphQLError(message, { extensions: { code, http: { status, spec: true } } });
