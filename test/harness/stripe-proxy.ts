import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A call that the server makes to Stripe. */
export interface StripeCall {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** The parameters that were sent, as a form. */
  readonly body: string;
  readonly idempotencyKey: string | undefined;
}

/** What Stripe says to it. */
export interface StripeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer is any JSON, and a test changes it at will.
  readonly body: any;
}

/** What the proxy gives back: an answer, a body as it stands, one that comes byte by byte without end, or nothing ever. */
export type Lie =
  | StripeAnswer
  | { readonly raw: string | Buffer; readonly status?: number }
  | 'drip'
  | 'flood'
  | 'silence';

/** Decides what a call is answered with. Without `forward` Stripe never hears of it. */
export type Liar = (call: StripeCall, forward: () => Promise<StripeAnswer>) => Promise<Lie>;

/** A proxy before Stripe's API that may lie. */
export interface StripeProxy {
  readonly url: string;
  /** Every call since the last change of the liar. */
  calls(): readonly StripeCall[];
  /** From now on the liar answers; without one, Stripe. */
  lie(liar?: Liar): void;
  close(): Promise<void>;
}

const DRIP_MS = 50;

const readBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const drip = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), DRIP_MS);
  response.on('close', () => clearInterval(timer));
};

const flood = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
};

const WITHOUT_END = { silence: () => undefined, drip, flood } as const;

const give = (lie: Lie, response: ServerResponse): void => {
  if (typeof lie === 'string') {
    WITHOUT_END[lie](response);
    return;
  }
  const text = 'raw' in lie ? lie.raw : JSON.stringify(lie.body);
  const headers = 'raw' in lie ? { 'content-type': 'application/json' } : lie.headers;
  response.writeHead(lie.status ?? 200, headers).end(text);
};

/** Opens the proxy before a Stripe at `target`; honest until told otherwise. */
export const openStripeProxy = async (target: string): Promise<StripeProxy> => {
  const { hostname, port } = new URL(target);
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  let liar: Liar | undefined;
  let calls: StripeCall[] = [];

  const ask = async (request: IncomingMessage, body: Buffer): Promise<StripeAnswer> => {
    const { method, url: path, headers } = request;
    const sent = http.request({ host: hostname, port, method, path, headers, agent }).end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const text = (await readBody(answer)).toString();
    const { 'content-length': _, 'transfer-encoding': __, connection: ___, ...kept } = answer.headers;
    return { status: answer.statusCode ?? 502, headers: kept as Record<string, string>, body: JSON.parse(text) };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const key = request.headers['idempotency-key'];
    const call = {
      method: request.method ?? '',
      path: (request.url ?? '').split('?')[0] ?? '',
      body: body.toString(),
      idempotencyKey: typeof key === 'string' ? key : undefined,
    };
    calls.push(call);
    const forward = () => ask(request, body);
    give(await (liar ? liar(call, forward) : forward()), response);
  };

  const server = http.createServer((request, response) => {
    response.on('error', () => undefined);
    handle(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    lie(next) {
      liar = next;
      calls = [];
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
