import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer, type Context as SocketContext } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticate, Session } from '../graphql/session.js';
import { callAt } from '../graphql/timer.js';
import { clientAddress } from './address.js';
import type { Audience } from './audience.js';
import { type IsForUs, MISDIRECTED } from './hosts.js';
import type { Origins } from './origins.js';
import { createSocketLink, type SocketLink } from './socket-link.js';
import { createSocketOperations, type SocketOperationsParts } from './socket-operations.js';

/** Close codes of the graphql-transport-ws protocol that we send ourselves. */
const FORBIDDEN = 4403;
const INTERNAL = 4500;
const GOING_AWAY = 1001;
/** IANA's "WebSocket Close Code Number Registry": clients connect again. */
const TRY_AGAIN_LATER = 1013;
/** How a socket is closed that can't be let in, by the code of the refusal; FORBIDDEN otherwise. */
const CLOSE_CODES: Readonly<Record<string, number>> = { INTERNAL, UNAVAILABLE: TRY_AGAIN_LATER };

/** What the sockets are made of. */
export interface SocketParts extends SocketOperationsParts {
  readonly server: Server;
  readonly path: string;
  readonly authenticate: Authenticate;
  readonly origins: Origins;
  readonly trustedProxies: number;
  readonly isForUs: IsForUs;
  readonly audience: Audience;
  readonly pingMs: number;
  readonly log: { debug(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Called as sockets open (1) and close (-1). */
  readonly count: (change: 1 | -1) => void;
}

/** What graphql-ws keeps of one socket for us. */
export interface SocketExtra {
  readonly link: SocketLink;
  readonly request: IncomingMessage;
  readonly address: string;
  /** There once connection_init was accepted. */
  session?: Session;
}

/**
 * Serves graphql-transport-ws. A socket whose token is bad, or ends, is closed with 4403; a fault in one operation is
 * that operation's error and leaves the others alone. With a socket all its operations end at once.
 */
export const createSockets = (parts: SocketParts): { close(graceMs: number): Promise<void> } => {
  const { limits, log } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    autoPong: false,
    handleProtocols,
  });
  const links = new Set<SocketLink>();
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
    const address = clientAddress(request, parts.trustedProxies);
    if (limits.socketsPerAddress > 0 && parts.audience.sizeOf(address) >= limits.socketsPerAddress) {
      log.debug({ address }, 'a socket too many from one address; is it a proxy, see TOLLGATE_TRUSTED_PROXIES');
      return refuseUpgrade(stream, '429 Too Many Requests');
    }
    sockets.handleUpgrade(request, stream, head, (socket) => serve(socket, request, address));
  });

  /** Joins one socket with the protocol, as graphql-ws's own adapter does, but with our log and without our errors' text. */
  const serve = (socket: WebSocket, request: IncomingMessage, address: string): void => {
    parts.count(1);
    socket.once('close', () => parts.count(-1));
    const link = createSocketLink({
      ...parts,
      socket,
      address,
      unreadBytes: limits.unreadBytes,
    });
    links.add(link);
    const fail = (error: unknown): void => {
      log.error({ err: error }, 'unexpected error on a socket');
      link.close(INTERNAL, 'Something went wrong on our side.');
    };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: link.send,
        close: (code = GOING_AWAY, reason = '') => link.close(code, reason),
        onMessage: (receive) => link.onMessage((message) => void receive(message).catch(fail)),
      },
      { link, request, address },
    );
    link.onEnd((code, reason) => {
      links.delete(link);
      closed(code, reason).catch((error: unknown) => log.error({ err: error }, 'a socket did not end cleanly'));
    });
  };

  return {
    close: async (graceMs) => {
      const closed = [...sockets.clients].map(
        (socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve())),
      );
      for (const link of links) link.close(GOING_AWAY, 'The server is stopping.');
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
  const { link } = extra;
  try {
    extra.session = await parts.authenticate(authorizationOf(connectionParams, extra.request), extra.address);
  } catch (error) {
    const refusal = parts.present(error);
    const { code } = refusal.extensions;
    link.close(CLOSE_CODES[String(code)] ?? FORBIDDEN, refusal.message);
    return false;
  }
  const { expiresAt } = extra.session;
  if (expiresAt === null) return true;
  link.onEnd(callAt(expiresAt, () => link.close(FORBIDDEN, 'The token has expired.')));
  return true;
};

/** From the connection's parameters, or from the header that only clients outside of browsers can send. */
const authorizationOf = (params: Record<string, unknown> | undefined, request: IncomingMessage): unknown =>
  params?.['authorization'] ?? params?.['Authorization'] ?? request.headers.authorization;

const refuseUpgrade = (stream: Duplex, status: string): void => {
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
};
