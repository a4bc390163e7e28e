import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';
import { DomainError, UnavailableError } from '../core/errors.js';
import { RateLimitedError } from './rate-limits.js';

/** Where the private detail of errors goes; pino's logger fits. */
export interface ErrorLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Turns whatever was thrown into what a client may see; `requestId` joins an INTERNAL with its line in the log. */
export type PresentError = (error: unknown, requestId?: string) => GraphQLError;

/**
 * The one place that decides what a client sees. A refusal of the domain shows its message, code and fields; a fault of
 * the request keeps GraphQL's own message; anything else is INTERNAL and only the log gets the detail. Never a stack.
 * Presenting an error twice changes nothing.
 */
export const createErrorPresenter = ({
  log,
  suggestions,
  translate = (error) => error,
}: {
  readonly log: ErrorLog;
  /** Whether "Did you mean …?" may tell names of the schema. */
  readonly suggestions: boolean;
  /** Knows what of the storage's errors is a refusal to come again, and leaves others as they are. */
  readonly translate?: ((error: unknown) => unknown) | undefined;
}): PresentError => {
  const internal = (error: unknown, root: unknown, requestId: string): GraphQLError => {
    if (!isAbort(root)) log.error({ err: root, requestId }, 'unexpected error in a request');
    return show(
      error,
      `Something went wrong on our side; try again in a moment. The request is ${requestId}; an operator finds it in the log.`,
      {
        code: 'INTERNAL',
        requestId,
      },
    );
  };
  return (error, requestId = randomUUID()) => {
    const root = translate(rootOf(error));
    if (root instanceof DomainError) {
      if (root.cause !== undefined) log.info({ err: root.cause, code: root.code, requestId }, root.message);
      // A field's error leaves the other fields their answer, and the request its status.
      const isOfField = error instanceof GraphQLError && error.path !== undefined;
      return show(error, root.message, { ...root.extensions, code: root.code, ...(isOfField ? {} : httpOf(root)) });
    }
    const code = root instanceof GraphQLError ? codeOf(root, error) : undefined;
    if (!(root instanceof GraphQLError) || code === undefined) return internal(error, root, requestId);
    const { originalError: _private, ...extensions } = root.extensions;
    return show(error, suggestions ? root.message : withoutSuggestion(root.message), { ...extensions, code });
  };
};

/** Marks an error as failing the whole request: 400 if the media type reports errors by status. */
export const asRequestError = (error: GraphQLError): GraphQLError =>
  'http' in error.extensions
    ? error
    : show(error, error.message, { ...error.extensions, http: { status: 400, spec: true } });

/** An error as a socket sends it: without what only HTTP needs. */
export const toMessage = (error: GraphQLError): GraphQLError => {
  const { http: _http, ...extensions } = error.extensions;
  return show(error, error.message, extensions);
};

/** `spec`: with application/json the status stays 200, as GraphQL over HTTP asks. */
const httpOf = (error: DomainError): GraphQLErrorExtensions => {
  if (error.code === 'UNAUTHENTICATED') return { http: { status: 401, spec: true } };
  if (error instanceof RateLimitedError) return comeAgain(429, error.retryAfterSeconds);
  if (error instanceof UnavailableError) return comeAgain(503, error.retryAfterSeconds);
  return {};
};

const comeAgain = (status: number, seconds: number): GraphQLErrorExtensions => ({
  http: { status, spec: true, headers: { 'retry-after': String(seconds) } },
});

/** A new error with nothing private in it: neither the original nor its stack. */
const show = (error: unknown, message: string, extensions: GraphQLErrorExtensions): GraphQLError => {
  const shown =
    error instanceof GraphQLError
      ? new GraphQLError(message, {
          ...(error.nodes ? { nodes: error.nodes } : { source: error.source, positions: error.positions }),
          ...(error.path ? { path: error.path } : {}),
          extensions,
        })
      : new GraphQLError(message, { extensions });
  shown.stack = `${shown.name}: ${shown.message}`;
  return shown;
};

const rootOf = (error: unknown): unknown =>
  error instanceof GraphQLError && error.originalError ? rootOf(error.originalError) : error;

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** The code of an error in the request; undefined for an internal error. */
const codeOf = (root: GraphQLError, error: unknown): string | undefined => {
  const { code, http } = root.extensions;
  if (code === 'INTERNAL_SERVER_ERROR') return undefined;
  if (code === 'BAD_REQUEST' || code === 'REQUEST_ENTITY_TOO_LARGE') return 'BAD_USER_INPUT';
  if (typeof code === 'string') return code;
  if (http !== undefined) return 'BAD_USER_INPUT';
  const path = error instanceof GraphQLError ? error.path : undefined;
  // Once fields are resolved GraphQL complains of arguments, the client's fault, or of what we answered.
  return path === undefined || root.message.startsWith('Argument "') ? 'BAD_USER_INPUT' : undefined;
};

const withoutSuggestion = (message: string): string => message.replace(/\s*Did you mean .*$/s, '');
