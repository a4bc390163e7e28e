import type { ServerResponse } from 'node:http';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  /** May replace the security headers, for a page that needs its own policy. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that comes piece by piece. */
export interface PieceByPiece extends Omit<Answer, 'body'> {
  readonly pieces: AsyncIterable<string>;
}

/** Sent with every answer; a page that may be kept says so itself. Source: OWASP HTTP Headers Cheat Sheet. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

/** An answer in JSON. */
export const json = (status: number, value: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
  ...(headers ? { headers } : {}),
});

/** An answer in plain words. */
export const text = (status: number, body: string, headers?: Readonly<Record<string, string>>): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
  ...(headers ? { headers } : {}),
});

/** Sends an answer, once; does nothing where one was begun or the client is gone. */
export const reply = (response: ServerResponse, { status, contentType, body, headers }: Answer): void => {
  if (response.headersSent || response.destroyed) return;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, { 'content-type': contentType, 'content-length': length, ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
};

/** Who takes nothing for so long has gone away. */
const TAKEN_MS = 60_000;

/** Resolves once the client took what was written, or went away; one that does neither is cut off. */
const taken = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), TAKEN_MS);
    const settle = (): void => {
      clearTimeout(timer);
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });

/** Sends what comes piece by piece, no faster than the client takes it; ends the source with the client. Rejects with what the source rejects with. */
export const replyInPieces = async (
  response: ServerResponse,
  { status, contentType, headers, pieces }: PieceByPiece,
): Promise<void> => {
  const source = pieces[Symbol.asyncIterator]();
  try {
    if (response.destroyed) return;
    response.writeHead(status, { 'content-type': contentType, ...headers });
    while (response.req.method !== 'HEAD' && !response.destroyed) {
      const { done, value } = await source.next();
      if (done) break;
      if (!response.write(value) && !response.destroyed) await taken(response);
    }
    response.end();
  } finally {
    await source.return?.();
  }
};
