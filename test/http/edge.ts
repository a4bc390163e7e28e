import { once } from 'node:events';
import { type Client, createClient } from 'graphql-ws';
import { Registry } from 'prom-client';
import WebSocket from 'ws';
import type { Caller } from '../../src/core/caller.js';
import { NotFoundError } from '../../src/core/errors.js';
import { DEFAULT_GRANTS, type Permission } from '../../src/core/permissions.js';
import type { Domain } from '../../src/graphql/context.js';
import { createSchema } from '../../src/graphql/schema.js';
import { createTokenVerifier, signToken } from '../../src/graphql/token.js';
import { createHttpServer, type HttpParts, type HttpServer } from '../../src/http/server.js';
import type { Payment } from '../../src/nouns/payments/row.js';
import { NOUNS } from '../../src/nouns.js';

const SECRET = 'a secret of the tests that is long enough';

/** A payment as the domain gives it. */
export const payment = (id: string, change: Partial<Payment> = {}): Payment => ({
  id,
  orderId: '1',
  accountId: 'ann',
  amount: 10_000,
  currency: 'USD',
  status: 'PENDING',
  mode: 'ELEMENTS',
  captureMethod: 'AUTOMATIC',
  amountReceived: 0,
  amountSettledElsewhere: null,
  askedFor: null,
  askedBy: null,
  amountRefunded: 0,
  amountRefundPending: 0,
  amountDisputed: 0,
  description: null,
  failureCode: null,
  failureMessage: null,
  recurringPaymentId: null,
  stripePaymentIntentId: 'pi_1',
  stripeCheckoutSessionId: null,
  forCustomer: false,
  stripeCustomerId: null,
  savesMethod: false,
  savedMethodId: null,
  offSession: false,
  successUrl: null,
  cancelUrl: null,
  stripeInvoiceId: null,
  quarantinedFor: null,
  metadata: {},
  receiptEmail: null,
  statementDescriptorSuffix: null,
  locale: null,
  paymentMethod: null,
  receiptUrl: null,
  invoice: null,
  receivedCurrency: null,
  stripeChargeId: null,
  livemode: false,
  stripeAccount: 'acct_1',
  attempt: 1,
  attemptedAt: null,
  seenAt: null,
  version: 1,
  createdAt: new Date('2026-01-31T12:00:00Z'),
  updatedAt: new Date('2026-01-31T12:00:00Z'),
  ...change,
});

/** Streams of the tests: what was opened, and what is still open. */
export interface Streams {
  readonly open: Set<string>;
  /** Sends a version of the payment to all its streams. */
  push(row: Payment): void;
  /** Resolves when no stream is open. */
  idle(): Promise<void>;
}

interface Stream extends AsyncIterableIterator<Payment> {
  push(row: Payment): void;
}

/** The edge over a domain of rows in memory: for what the edge itself promises. */
export interface Edge {
  readonly http: HttpServer;
  readonly url: string;
  /** The same without the base path. */
  readonly root: string;
  readonly rows: Map<string, Payment>;
  readonly streams: Streams;
  readonly log: { readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] };
  readonly grants: Map<string, readonly Permission[]>;
  /** How many sockets the server has open. */
  openSockets(): Promise<number>;
  token(accountId?: string, expiresInSeconds?: number): Promise<string>;
  /** POSTs an operation as JSON. */
  ask(query: string, options?: AskOptions): Promise<{ status: number; body: Body; headers: Headers }>;
  socket(authorization?: unknown, options?: { onClosed?: (event: CloseEvent) => void; url?: string }): Client;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly variables?: Record<string, unknown>;
  readonly token?: string;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
}

export interface Body {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> & { code: string } }[];
}

export interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

export const startEdge = async (change: Partial<HttpParts> = {}): Promise<Edge> => {
  const rows = new Map<string, Payment>([['1', payment('1')]]);
  const grants = new Map<string, readonly Permission[]>([['admin', DEFAULT_GRANTS.admin]]);
  const lines: Edge['log']['lines'] = [];
  const { live, streams } = createStreams(rows);
  const logTo = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  const registry = new Registry();
  const http = createHttpServer({
    schema: createSchema(NOUNS),
    domain: {
      payments: createPayments(rows),
      refunds: { find: async () => null },
      recurring: { find: async () => null },
      settings: { publishableKey: async () => 'pk_test_1' },
      plans: { assertActive: async () => undefined },
      live,
    } as unknown as Domain,
    roles: {
      callerOf: async (accountId, tokenRoles): Promise<Caller> => ({
        accountId,
        roles: [accountId === null ? 'anonymous' : 'logged_in', ...tokenRoles],
        permissions: new Set(
          (accountId === null ? undefined : grants.get(accountId)) ??
            DEFAULT_GRANTS[accountId === null ? 'anonymous' : 'logged_in'],
        ),
      }),
    },
    tokens: createTokenVerifier({ secret: SECRET }, { trustRoles: false }),
    webhook: async (body, signature) => ({ status: 200, body: `${body.length} ${signature ?? 'unsigned'}` }),
    ready: async () => ({ database: 'ok', pubsub: 'ok' }),
    registry,
    log: { debug: logTo('debug'), info: logTo('info'), error: logTo('error') },
    introspection: 'everyone',
    ...change,
  });
  const port = await http.listen(0, '127.0.0.1');
  const root = `http://127.0.0.1:${port}`;
  const url = `${root}${change.basePath ?? ''}`;
  const clients: Client[] = [];
  return {
    http,
    url,
    root,
    rows,
    streams,
    log: { lines },
    grants,
    openSockets: async () => {
      const gauge = registry.getSingleMetric('tollgate_sockets');
      return (await gauge?.get())?.values[0]?.value ?? 0;
    },
    token: (accountId = 'ann', expiresInSeconds = 3_600) => signToken(SECRET, { accountId, expiresInSeconds }),
    ask: (query, { variables, token, accept = 'application/json', headers } = {}) =>
      post(`${url}/graphql`, JSON.stringify({ query, ...(variables ? { variables } : {}) }), {
        accept,
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...headers,
      }),
    socket: (authorization, { onClosed, url: address = url } = {}) => {
      const client = createClient({
        url: `${address.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        lazy: true,
        ...(authorization === undefined ? {} : { connectionParams: { authorization } }),
        on: { closed: (event) => onClosed?.(event as CloseEvent) },
      });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.dispose()));
      await http.close();
    },
  };
};

const post = async (url: string, body: string, headers: Record<string, string>) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as Body, headers: response.headers };
};

/** Collects an operation's messages; `next` waits for the next one. */
export const collect = (client: Client, query: string, variables?: Record<string, unknown>) => {
  const iterator = client.iterate<Record<string, unknown>>({ query, ...(variables ? { variables } : {}) });
  return {
    next: async (): Promise<Body | undefined> => {
      const result = await iterator.next();
      return result.done ? undefined : (result.value as Body);
    },
    stop: () => iterator.return?.(undefined),
  };
};

/** The messages of an SSE answer: each event's name and data. */
export async function* readEvents(response: Response): AsyncGenerator<{ event: string; data: Body | undefined }> {
  let rest = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      const block = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.+)$/m.exec(block)?.[1];
      if (event !== undefined) yield { event, data: data === undefined ? undefined : (JSON.parse(data) as Body) };
    }
  }
}

/** A raw socket after its handshake, for what a well-behaved client never does. */
export const openRaw = async (url: string, options: { headers?: Record<string, string> } = {}): Promise<WebSocket> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options);
  await once(socket, 'open');
  return socket;
};

const createPayments = (rows: Map<string, Payment>): Partial<Domain['payments']> => {
  const unexpected = async (): Promise<never> => {
    throw new Error('password=hunter2 at db.internal:5432');
  };
  return {
    find: async (id, caller) => {
      if (id === '500') return unexpected();
      const row = rows.get(id);
      return row && (row.accountId === caller.accountId || caller.permissions.has('PAYMENT_READ_ANY')) ? row : null;
    },
    list: async ({ first, after }) => {
      const all = [...rows.values()].sort((a, b) => Number(b.id) - Number(a.id));
      const left = after === undefined ? all : all.filter(({ id }) => Number(id) < Number(after));
      return { rows: left.slice(0, first), hasNextPage: left.length > first };
    },
    pay: async ({ amount = 0, currency = '', orderId, ...request }) => ({
      payment: payment('2', { amount, currency, orderId }),
      clientSecret: `${request.mode} ${request.captureMethod}`,
      clientSecretType: 'PAYMENT',
      publishableKey: 'pk_test_1',
    }),
    continuePayment: unexpected,
    timeline: async () => [],
  };
};

const createStreams = (rows: Map<string, Payment>): { live: Domain['live']; streams: Streams } => {
  const open = new Map<string, Stream>();
  const watchers: (() => void)[] = [];
  let opened = 0;
  const openStream = (first: Payment, whoAsks: () => Promise<Caller>): Stream => {
    opened += 1;
    const key = `${first.id}:${opened}`;
    const queue: Payment[] = [first];
    let wake: (() => void) | undefined;
    let ended = false;
    const stream: Stream = {
      push: (row) => {
        queue.push(row);
        wake?.();
      },
      next: async () => {
        while (queue.length === 0 && !ended)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        const row = queue.shift();
        if (ended || !row) return { done: true, value: undefined };
        try {
          await whoAsks();
        } catch (error) {
          void stream.return?.();
          throw error;
        }
        return { done: false, value: row };
      },
      return: async () => {
        ended = true;
        wake?.();
        open.delete(key);
        if (open.size === 0) for (const watcher of watchers.splice(0)) watcher();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => stream,
    };
    open.set(key, stream);
    return stream;
  };
  return {
    live: {
      payment: async (id: string, whoAsks: () => Promise<Caller>) => {
        const row = rows.get(id);
        await whoAsks();
        if (!row) throw new NotFoundError('payment', id);
        return openStream(row, whoAsks);
      },
      orderPayments: async (_orderId: string, whoAsks: () => Promise<Caller>) => openStream(payment('1'), whoAsks),
      close: async () => undefined,
    } as unknown as Domain['live'],
    streams: {
      get open() {
        return new Set(open.keys());
      },
      push: (row) => {
        for (const [key, stream] of open) if (key.startsWith(`${row.id}:`)) stream.push(row);
      },
      idle: () =>
        new Promise((resolve) => {
          if (open.size === 0) resolve();
          else watchers.push(resolve);
        }),
    },
  };
};

/** The answers to all that a page leads to or loads, asked for as a browser would. */
export const followed = async (page: string): Promise<Record<string, number>> => {
  const response = await fetch(page);
  const addresses = [...(await response.text()).matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, to]) => to ?? '');
  const answers = addresses.map(async (to) => [to, (await fetch(new URL(to, response.url))).status] as const);
  return Object.fromEntries(await Promise.all(answers));
};
