import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer, type Context as SocketContext } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticate, Session } from '../graphql/session.js';
import { callAt } from '../graphql/timer.js';
import { clientAddress } from './address.js';
import { type IsForUs, MISDIRECTED } from './hosts.js';
import type { Origins } from './origins.js';
import { createSocketOperations, type SocketOperationsParts } from './socket-operations.js';

/** Close codes of the graphql-transport-ws protocol that we send ourselves. */
const FORBIDDEN = 4403;
const INTERNAL = 4500;
const GOING_AWAY = 1001;
/** A socket that doesn't answer a ping by the next one is gone. */
const PING_MS = 12_000;
/** A close frame's reason has at most this many bytes (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** What the sockets are made of. */
export interface SocketParts extends SocketOperationsParts {
  readonly server: Server;
  readonly path: string;
  readonly authenticate: Authenticate;
  readonly origins: Origins;
  readonly trustedProxies: number;
  readonly isForUs: IsForUs;
  readonly log: { debug(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Called as sockets open (1) and close (-1). */
  readonly count: (change: 1 | -1) => void;
}

/** What graphql-ws keeps of one socket for us. */
export interface SocketExtra {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** There once connection_init was accepted. */
  session?: Session;
}

/**
 * Serves graphql-transport-ws. A socket whose token is bad, or ends, is closed with 4403; a fault in one operation is
 * that operation's error and leaves the others alone.
 */
export const createSockets = (parts: SocketParts): { close(graceMs: number): Promise<void> } => {
  const { limits, log } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    handleProtocols,
  });
  const protocol = makeServer<Record<string, unknown>, SocketExtra>({
    connectionInitWaitTimeout: limits.connectionInitMs,
    onConnect: (context) => connect(parts, context),
    ...createSocketOperations(parts),
  });

  parts.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', (error) => log.debug({ err: error }, 'socket ended during its upgrade'));
    if (!parts.isForUs(request)) return refuseUpgrade(stream, `${MISDIRECTED.status} Misdirected Request`);
    if (request.url?.split('?')[0] !== parts.path) return refuseUpgrade(stream, '404 Not Found');
    if (!parts.origins.mayConnect(request)) return refuseUpgrade(stream, '403 Forbidden');
    sockets.handleUpgrade(request, stream, head, (socket) => {
      parts.count(1);
      socket.once('close', () => parts.count(-1));
      serve(protocol, { socket, request }, log);
    });
  });

  return {
    close: async (graceMs) => {
      const closed = [...sockets.clients].map(
        (socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve())),
      );
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'The server is stopping.');
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(timer);
      sockets.close();
    },
  };
};

/** Answers connection_init: says who is at the other end, until their token ends. */
const connect = async (parts: SocketParts, context: SocketContext<Record<string, unknown>, SocketExtra>) => {
  const { extra, connectionParams } = context;
  const address = clientAddress(extra.request, parts.trustedProxies);
  try {
    extra.session = await parts.authenticate(authorizationOf(connectionParams, extra.request), address);
  } catch (error) {
    const refusal = parts.present(error);
    const { code } = refusal.extensions;
    extra.socket.close(code === 'INTERNAL' ? INTERNAL : FORBIDDEN, reason(refusal.message));
    return false;
  }
  const { expiresAt } = extra.session;
  if (expiresAt === null) return true;
  const cancel = callAt(expiresAt, () => extra.socket.close(FORBIDDEN, 'The token has expired.'));
  extra.socket.once('close', cancel);
  return true;
};

/** From the connection's parameters, or from the header that only clients outside of browsers can send. */
const authorizationOf = (params: Record<string, unknown> | undefined, request: IncomingMessage): unknown =>
  params?.['authorization'] ?? params?.['Authorization'] ?? request.headers.authorization;

type Protocol = ReturnType<typeof makeServer<Record<string, unknown>, SocketExtra>>;

/** Joins one socket with the protocol, as graphql-ws's own adapter does, but with our log and without our errors' text. */
const serve = (protocol: Protocol, extra: SocketExtra, log: SocketParts['log']): void => {
  const { socket } = extra;
  const fail = (error: unknown): void => {
    log.error({ err: error }, 'unexpected error on a socket');
    socket.close(INTERNAL, 'Something went wrong on our side.');
  };
  socket.on('error', (error) => log.debug({ err: error }, 'socket error'));
  const stopPings = keepAlive(socket);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (data) =>
        new Promise((resolve) => {
          if (socket.readyState !== socket.OPEN) return resolve();
          socket.send(data, () => resolve()); // a socket that broke says so by closing
        }),
      close: (code, text) => socket.close(code, text),
      onMessage: (receive) => {
        socket.on('message', (data) => void receive(String(data)).catch(fail));
      },
    },
    extra,
  );
  socket.once('close', (code, text) => {
    stopPings();
    closed(code, String(text)).catch((error: unknown) => log.error({ err: error }, 'a socket did not end cleanly'));
  });
};

const keepAlive = (socket: WebSocket): (() => void) => {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, PING_MS);
  return () => clearInterval(timer);
};

const reason = (text: string): string => {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
};

const refuseUpgrade = (stream: Duplex, status: string): void => {
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
};
