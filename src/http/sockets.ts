import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer, type Context as SocketContext } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { Authenticate } from '../graphql/session.js';
import { clientAddress } from './address.js';
import type { Audience } from './audience.js';
import { type IsForUs, MISDIRECTED } from './hosts.js';
import { createOpenSockets, type OpenSockets } from './open-sockets.js';
import type { Origins } from './origins.js';
import { GOING_AWAY, INTERNAL, SocketLink } from './socket-link.js';
import { createSocketOperations, type SocketOperationsParts } from './socket-operations.js';

/** The graphql-transport-ws protocol's close code for who may not come in. */
const FORBIDDEN = 4403;
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
  const open = createOpenSockets({
    pingMs: parts.pingMs,
    onExpired: (link) => link.close(FORBIDDEN, 'The token has expired.'),
  });
  const linkParts = {
    ...parts,
    unreadBytes: limits.unreadBytes,
    onEnded: (link: SocketLink) => {
      parts.count(-1);
      open.remove(link);
    },
  };
  const protocol = makeServer<Record<string, unknown>, SocketLink>({
    connectionInitWaitTimeout: limits.connectionInitMs,
    onConnect: (context) => connect(parts, open, context),
    ...createSocketOperations(parts),
  });

  const hearError = (error: Error): void => log.debug({ err: error }, 'socket ended during its upgrade');
  parts.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', hearError);
    if (!parts.isForUs(request)) return refuseUpgrade(stream, `${MISDIRECTED.status} Misdirected Request`);
    if (request.url?.split('?')[0] !== parts.path) return refuseUpgrade(stream, '404 Not Found');
    if (!parts.origins.mayConnect(request)) return refuseUpgrade(stream, '403 Forbidden');
    const address = clientAddress(request, parts.trustedProxies);
    if (limits.socketsPerAddress > 0 && parts.audience.sizeOf(address) >= limits.socketsPerAddress) {
      log.debug({ address }, 'a socket too many from one address; is it a proxy, see TOLLGATE_TRUSTED_PROXIES');
      return refuseUpgrade(stream, '429 Too Many Requests');
    }
    sockets.handleUpgrade(request, stream, head, (socket) =>
      serve(new SocketLink(socket, address, linkParts), request.headers.authorization),
    );
  });

  /** Joins one socket with the protocol, as graphql-ws's own adapter does, but with our log and without our errors' text. */
  const serve = (link: SocketLink, authorization: string | undefined): void => {
    parts.count(1);
    open.add(link);
    link.authorization = authorization;
    link.onEnd(protocol.opened(link, link));
  };

  return {
    close: async (graceMs) => {
      const closed = [...sockets.clients].map(
        (socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve())),
      );
      for (const link of open.links) link.close(GOING_AWAY, 'The server is stopping.');
      const timer = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(timer);
      open.stop();
      sockets.close();
    },
  };
};

/** Answers connection_init: says who is at the other end, until their token ends. */
const connect = async (
  parts: SocketParts,
  open: OpenSockets,
  context: SocketContext<Record<string, unknown>, SocketLink>,
) => {
  const { extra: link, connectionParams } = context;
  Object.assign(context, { connectionParams: undefined }); // the token is not kept
  try {
    link.session = await parts.authenticate(authorizationOf(connectionParams) ?? link.authorization, link.address);
  } catch (error) {
    const refusal = parts.present(error);
    const { code } = refusal.extensions;
    link.close(CLOSE_CODES[String(code)] ?? FORBIDDEN, refusal.message);
    return false;
  }
  const { expiresAt } = link.session;
  if (expiresAt !== null && link.isOpen) open.expire(link, expiresAt);
  return true;
};

const authorizationOf = (params: Record<string, unknown> | undefined): unknown =>
  params?.['authorization'] ?? params?.['Authorization'];

const refuseUpgrade = (stream: Duplex, status: string): void => {
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
};
