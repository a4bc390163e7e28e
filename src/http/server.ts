import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLError, GraphQLSchema } from 'graphql';
import type { Registry } from 'prom-client';
import type { ExportList } from '../core/list-export.js';
import { takeTrace, traced, traceHere } from '../core/trace.js';
import { createAdmission } from '../graphql/admission.js';
import { createOperationCheck } from '../graphql/complexity.js';
import type { Domain } from '../graphql/context.js';
import { ANY_DOCUMENT, createDocuments, type DocumentRules } from '../graphql/documents.js';
import { createErrorPresenter } from '../graphql/error-presenter.js';
import type { Introspection } from '../graphql/introspection.js';
import { DEFAULT_LIMITS, type Limits } from '../graphql/limits.js';
import { createRateLimits, type SharedCounters } from '../graphql/rate-limits.js';
import { createGraphqlServer } from '../graphql/server.js';
import { createAuthenticate } from '../graphql/session.js';
import { createSubscriptions } from '../graphql/subscriptions.js';
import type { TokenVerifier } from '../graphql/token.js';
import { createTurns } from '../graphql/turns.js';
import type { Roles } from '../installation/roles.js';
import { clientAddress } from './address.js';
import { createAudience, watchAnswer } from './audience.js';
import { createBasePath } from './base-path.js';
import { discardRest, readBody } from './body.js';
import { createExports } from './exports.js';
import { createGraphqlDoor } from './graphql-door.js';
import { createGraphqlPost } from './graphql-post.js';
import { createHostCheck, MISDIRECTED } from './hosts.js';
import { landingPage } from './landing-page.js';
import { createHttpMetrics } from './metrics.js';
import { createOrigins } from './origins.js';
import { createProbes, type Readiness } from './probes.js';
import { json, reply, replyInPieces, SECURITY_HEADERS, text } from './reply.js';
import { createRouter, type Routes } from './routes.js';
import { createSockets } from './sockets.js';
import { createWebhookDoor, type Webhook } from './webhook.js';

/** What the doors write to the log; pino's logger fits. */
export interface HttpLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** All that the one server is made of. */
export interface HttpParts {
  readonly schema: GraphQLSchema;
  readonly domain: Domain;
  readonly roles: Pick<Roles, 'callerOf'>;
  readonly tokens: TokenVerifier;
  readonly webhook: Webhook;
  readonly ready: Readiness;
  readonly registry: Registry;
  readonly log: HttpLog;
  /** What opens /metrics; anyone may read them without. */
  readonly metricsToken?: string | undefined;
  /** How often open connections are kept from looking idle, in seconds; a stream gets a comment of Yoga's every 12 s too. */
  readonly keepAlive?: { readonly socketSeconds: number; readonly streamSeconds: number };
  /** Who may ask for the schema; "Did you mean …?" is told where everyone may. */
  readonly introspection: Introspection;
  /** Which documents callers may send; any unless told. */
  readonly documents?: DocumentRules;
  /** Origins of pages on other sites that may call; none unless told. */
  readonly origins?: readonly string[];
  /** Own proxies in front, whose `x-forwarded-for` counts; 0 unless told. */
  readonly trustedProxies?: number;
  /** All doors are below it, such as "/payments"; at the root unless told. */
  readonly basePath?: string;
  /** Answers to loopback's names alone; to any unless told. */
  readonly loopbackOnly?: boolean;
  /** What of the storage's errors is a refusal to come again; none unless told. */
  readonly translate?: (error: unknown) => unknown;
  /** DEFAULT_LIMITS where left out. */
  readonly limits?: Partial<Limits>;
  /** Shares the rate limits between processes; each counts for itself without. */
  readonly counters?: SharedCounters;
  /** Lists that are handed out as files; none unless told. */
  readonly exports?: readonly ExportList[];
  /** Further doors; "GET /" replaces the landing page. */
  readonly routes?: Routes;
}

/** The server, with its life in the caller's hands. */
export interface HttpServer {
  readonly server: Server;
  /** Listens and answers the port, which the kernel chooses for 0. Rejects when the port is taken. */
  listen(port: number, host: string): Promise<number>;
  /** Stops taking requests, ends sockets and streams, lets answers finish for two seconds. May be called twice. */
  close(): Promise<void>;
}

const GRAPHQL = '/graphql';
const WEBHOOK = '/webhooks/stripe';
const HEADERS_MS = 10_000;
/** How often requests that take too long are looked for. */
const LOOK_MS = 1_000;
/** How often sockets are pinged unless it is said. */
const PING_SECONDS = 12;
const CLOSE_MS = 2_000;

/** Builds the one server with all its doors; it serves once `listen` resolved. */
export const createHttpServer = (parts: HttpParts): HttpServer => {
  const limits = { ...DEFAULT_LIMITS, ...parts.limits };
  const { log, trustedProxies = 0, basePath = '' } = parts;
  const leaveBasePath = createBasePath(basePath);
  const origins = createOrigins(parts.origins ?? []);
  const metrics = createHttpMetrics(parts.registry);
  const audience = createAudience(limits);
  const pipeline = createPipeline(parts, limits, (change) => metrics.streams.inc(change));
  const { graphql, present } = pipeline;
  const shared = { ...pipeline, origins, trustedProxies };
  const graphqlDoor = createGraphqlDoor({ ...shared, post: createGraphqlPost(shared) });
  const webhookDoor = createWebhookDoor(parts.webhook, limits.webhookBytes);
  const exports = createExports({ ...pipeline, lists: parts.exports ?? [] });
  const routes = { 'GET /': landingPage, ...createProbes(parts), ...exports, ...parts.routes };
  const routeDoor = createRouteDoor(routes, limits.bodyBytes, (request) => clientAddress(request, trustedProxies));

  const isForUs = createHostCheck({ loopbackOnly: parts.loopbackOnly ?? false });
  const streams = new Set<ServerResponse>();

  const answer = async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const path = pathOf(request);
    metrics.observe(doorOf(path), response);
    response.once('prefinish', () => {
      const address = clientAddress(request, trustedProxies);
      watchAnswer(response, { audience, address, limitMs: limits.requestMs });
    });
    if (!isForUs(request)) return reply(response, text(MISDIRECTED.status, MISDIRECTED.words));
    if (path === GRAPHQL) {
      if (request.headers.accept?.includes('text/event-stream')) {
        streams.add(response);
        response.setHeader('x-accel-buffering', 'no'); // nginx would hold messages back
        const stopComments = sendComments(response, parts.keepAlive?.streamSeconds ?? 0);
        response.once('close', () => {
          stopComments();
          streams.delete(response);
        });
      }
      return graphqlDoor(request, response, requestId);
    }
    if (path === WEBHOOK) return webhookDoor(request, response);
    return routeDoor(request, response, path);
  };

  const server = createServer(timesOf(limits), (request, response) => {
    const requestId = randomUUID();
    response.setHeader('x-request-id', requestId);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (leaveBasePath(request, response)) return;
    traceAnswer(request, response, () => answer(request, response, requestId)).catch((error: unknown) => {
      if (response.destroyed) return; // the client is gone; nobody waits
      replyFailure(response, present(error, requestId), requestId);
    });
  });
  const sockets = createSockets({
    ...shared,
    server,
    path: `${basePath}${GRAPHQL}`,
    isForUs,
    audience,
    pingMs: (parts.keepAlive?.socketSeconds ?? PING_SECONDS) * 1_000,
    log,
    count: (change) => metrics.sockets.inc(change),
  });

  return {
    server,
    listen: async (port, host) => {
      await once(server.listen(port, host), 'listening');
      return (server.address() as AddressInfo).port;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const response of streams) response.destroy();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await Promise.all([sockets.close(CLOSE_MS), closed]);
      clearTimeout(timer);
      await graphql.dispose();
    },
  };
};

/** What all doors of GraphQL share: who asks, what they may ask, and what answers. */
const createPipeline = (parts: HttpParts, limits: Limits, countStreams: (change: 1 | -1) => void) => {
  const present = createErrorPresenter({
    log: parts.log,
    suggestions: parts.introspection === 'everyone',
    translate: parts.translate,
  });
  const rateLimits = createRateLimits(limits, parts.counters);
  const turns = createTurns();
  const check = createOperationCheck(limits.cost, parts.introspection);
  const rules = {
    admit: createAdmission(rateLimits, turns),
    documentOf: createDocuments(parts.documents ?? ANY_DOCUMENT, limits),
    present,
    limits,
    subscriptions: createSubscriptions({ domain: parts.domain, check, present, countStreams }),
  };
  const graphql = createGraphqlServer({ ...parts, ...rules, turns, check });
  return { ...rules, graphql, authenticate: createAuthenticate({ ...parts, rateLimits }) };
};

const replyFailure = (response: ServerResponse, { message, extensions }: GraphQLError, requestId: string): void => {
  if (response.headersSent) response.destroy();
  else if (extensions['code'] !== 'UNAVAILABLE')
    reply(response, json(500, { error: 'Something went wrong on our side.', requestId }));
  else reply(response, json(503, { error: message }, { 'retry-after': String(extensions['retryAfterSeconds']) }));
};

/** Keeps a stream from looking idle: a line that readers skip, which may stand between any two. Source: HTML, "Server-sent events". */
const sendComments = (response: ServerResponse, seconds: number): (() => void) => {
  if (seconds === 0) return () => undefined;
  const timer = setInterval(() => {
    if (response.headersSent && !response.writableEnded && !response.writableNeedDrain) response.write(':\n');
  }, seconds * 1_000);
  return () => clearInterval(timer);
};

/** A request ends by the time that it takes in all, not by how long it rests. */
const timesOf = ({ requestMs }: Limits): ServerOptions => ({
  headersTimeout: Math.min(HEADERS_MS, requestMs),
  requestTimeout: requestMs,
  connectionsCheckingInterval: Math.min(LOOK_MS, requestMs),
});

const pathOf = ({ url = '/' }: IncomingMessage): string => {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
};

/** The span of a request, below its caller's, or below what an SDK's own instrument opened for it; an answer that goes on as a stream is not waited for. */
const traceAnswer = (request: IncomingMessage, response: ServerResponse, run: () => Promise<void>): Promise<void> => {
  const { method = 'GET', headers } = request;
  const door = doorOf(pathOf(request));
  const attributes = { 'http.request.method': method, 'tollgate.door': door };
  const above = traceHere() ? {} : { parent: takeTrace(headers) };
  return traced(`${method} ${door}`, { kind: 'SERVER', attributes, ...above }, async (span) => {
    await run();
    span.set({
      'http.response.status_code': response.statusCode,
      'tollgate.request_id': String(response.getHeader('x-request-id')),
    });
  });
};

/** The label of metrics: few, whatever paths are asked. */
const doorOf = (path: string): string =>
  ({ [GRAPHQL]: 'graphql', [WEBHOOK]: 'webhook', '/health': 'probe', '/ready': 'probe', '/metrics': 'probe' })[path] ??
  'other';

const createRouteDoor = (routes: Routes, bodyBytes: number, addressOf: (request: IncomingMessage) => string) => {
  const find = createRouter(routes);
  return async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    const { method = 'GET', url = '/', headers } = request;
    const found = find(method, path);
    if (!found) return reply(response, json(404, { error: `There is no ${path} here; GET / names the doors.` }));
    if ('allow' in found)
      return reply(
        response,
        json(405, { error: `${path} does not take ${method}.` }, { allow: found.allow.join(', ') }),
      );
    const body = await readBody(request, bodyBytes);
    if (body === null) {
      reply(response, json(413, { error: `The body is too large; at most ${bodyBytes} bytes are allowed.` }));
      return discardRest(request, response);
    }
    const query = new URLSearchParams(url.slice(path.length));
    const asked = { method, path, params: found.params, query, headers, address: addressOf(request), body };
    const answer = await found.route(asked);
    if ('pieces' in answer) return replyInPieces(response, answer);
    return reply(response, answer);
  };
};
