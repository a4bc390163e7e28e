import { DomainError, type ErrorCode, NotFoundError, UnauthenticatedError, UnavailableError } from '../core/errors.js';
import type { ExportList } from '../core/list-export.js';
import type { Admit } from '../graphql/admission.js';
import type { Authenticate } from '../graphql/session.js';
import { type Answer, json, type PieceByPiece } from './reply.js';
import type { RouteRequest, Routes } from './routes.js';

/** What the exports are made of. */
interface Parts {
  readonly lists: readonly ExportList[];
  readonly authenticate: Authenticate;
  /** Counts it like an operation. */
  readonly admit: Admit;
}

/** Each reads a page after the other: more at once would take the database from what pays. */
const MOST_AT_ONCE = 2;
const COME_AGAIN_SECONDS = 10;

const STATUS: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

const refusal = (error: unknown): Answer => {
  if (!(error instanceof DomainError)) throw error;
  const { code, message } = error;
  const seconds = 'retryAfterSeconds' in error ? { 'retry-after': String(error.retryAfterSeconds) } : undefined;
  return json(STATUS[code] ?? 400, { error: { code, message } }, seconds);
};

/** Lists as files of comma-separated values: what GraphQL lists, to whoever may list it there, by the same filters. */
export const createExports = ({ lists, authenticate, admit }: Parts): Routes => {
  let running = 0;

  /** Holds a place until the last piece was taken, or nobody takes any more, even if nobody ever took one. */
  const holding = (pieces: AsyncIterable<string>): AsyncIterable<string> => {
    const source = pieces[Symbol.asyncIterator]();
    let isHeld = true;
    const release = (): void => {
      if (isHeld) running -= 1;
      isHeld = false;
    };
    const iterator: AsyncIterator<string> = {
      async next() {
        const piece = await source.next().catch((error: unknown) => {
          release();
          throw error;
        });
        if (piece.done) release();
        return piece;
      },
      async return() {
        release();
        await source.return?.();
        return { done: true, value: undefined };
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  };

  const open = async ({ params, query, headers, address }: RouteRequest): Promise<PieceByPiece> => {
    const [name = '', ending] = (params['file'] ?? '').split('.');
    const list = lists.find((one) => one.name === name && ending === 'csv');
    if (!list) throw new NotFoundError('export', params['file'] ?? '');
    if (headers['authorization'] === undefined)
      throw new UnauthenticatedError('Send "authorization: Bearer …" with a token.');
    const session = await authenticate(headers['authorization'], address);
    await admit(session, undefined);
    if (running >= MOST_AT_ONCE) throw new UnavailableError(COME_AGAIN_SECONDS);
    running += 1;
    try {
      const pieces = await list.open(Object.fromEntries(query), () => session.refresh());
      return {
        status: 200,
        contentType: 'text/csv; charset=utf-8; header=present',
        pieces: holding(pieces),
        headers: {
          'content-disposition': `attachment; filename="${name}-${new Date().toISOString().slice(0, 10)}.csv"`,
        },
      };
    } catch (error) {
      running -= 1;
      throw error;
    }
  };

  return { 'GET /export/:file': (request) => open(request).catch(refusal) };
};
