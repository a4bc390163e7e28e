import type { ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import { toMessage } from '../graphql/error-presenter.js';
import type { MediaType } from './media-type.js';
import { reply } from './reply.js';

/** What an error tells HTTP, beside the client. `spec`: not with application/json, where errors are answered with 200. */
interface HttpExtension {
  readonly status?: number;
  readonly spec?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a result with the status and headers that its errors ask for. */
export const replyResult = (response: ServerResponse, result: ExecutionResult, mediaType: MediaType): void => {
  const http = (result.errors ?? []).map((error) => (error.extensions['http'] ?? {}) as HttpExtension);
  const statuses = http
    .filter(({ spec }) => mediaType !== 'application/json' || !spec)
    .flatMap(({ status }) => status ?? []);
  reply(response, {
    status: Math.max(200, ...statuses),
    contentType: `${mediaType}; charset=utf-8`,
    body: JSON.stringify(result.errors ? { ...result, errors: result.errors.map(toMessage) } : result),
    headers: Object.assign({}, ...http.map(({ headers }) => headers)),
  });
};

/** Sends one error that ended the request before there was a result. */
export const replyError = (response: ServerResponse, error: GraphQLError, mediaType: MediaType): void =>
  replyResult(response, { errors: [error] }, mediaType);
