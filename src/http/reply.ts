import type { ServerResponse } from 'node:http';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  /** May replace the security headers, for a page that needs its own policy. */
  readonly headers?: Readonly<Record<string, string>>;
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
