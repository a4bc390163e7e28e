import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Api } from './api.js';
import type { ControlAnswer } from './control.js';

const BODY_LIMIT = 1024 * 1024;

/** The sandbox's one HTTP server. */
export interface HttpServer {
  listen(port: number, host: string): Promise<number>;
  /** Cuts what is open. */
  close(): Promise<void>;
}

const readBody = (request: http.IncomingMessage): Promise<string | null> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
    });
    request.on('end', () => resolve(size > BODY_LIMIT ? null : Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });

const flatHeaders = (headers: http.IncomingHttpHeaders): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

const preflight = (response: http.ServerResponse): void => {
  response.writeHead(204, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD, POST, DELETE, OPTIONS',
    'access-control-allow-headers':
      'authorization, content-type, stripe-version, stripe-account, idempotency-key, x-stripe-client-user-agent',
    'access-control-max-age': '300',
  });
  response.end();
};

/** Serves `/v1` by the API and `/_sandbox` by the control doors. */
export const createHttpServer = (
  api: Api,
  control: { handle(method: string, url: string, body: string): Promise<ControlAnswer> },
  isForUs: (request: http.IncomingMessage) => boolean = () => true,
): HttpServer => {
  const answerApi = async (
    request: http.IncomingMessage,
    response: http.ServerResponse,
    body: string,
  ): Promise<void> => {
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    const answer = await api.handle({
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      headers: flatHeaders(request.headers),
      body,
      gone,
    });
    if (!answer) {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) });
    response.end(answer.body);
  };

  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const url = request.url ?? '/';
    if (!isForUs(request)) {
      response
        .writeHead(421, { 'content-type': 'text/plain' })
        .end('This sandbox answers to loopback addresses alone.');
      return;
    }
    if (request.method === 'OPTIONS') return preflight(response);
    const body = await readBody(request);
    if (body === null) {
      response.writeHead(413, { 'content-type': 'text/plain' }).end('The request is larger than 1 MiB.');
      return;
    }
    if (!url.startsWith('/_sandbox')) return await answerApi(request, response, body);
    const { status, headers, body: content } = await control.handle(request.method ?? 'GET', url, body);
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(content) });
    response.end(content);
  };

  const server = http.createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { type: 'api_error', message: `The sandbox itself failed: ${message}` } }));
    });
  });

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
