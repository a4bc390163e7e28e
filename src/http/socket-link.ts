import type { WebSocket } from 'ws';
import type { Audience, Reader } from './audience.js';

/** One open socket. It ends once: when it closes, or as soon as we decide that it must. */
export interface SocketLink extends Reader {
  readonly isOpen: boolean;
  /** Resolves when the message is on its way, or the socket gone. */
  send(message: string): Promise<void>;
  /** Hands on what the client sends, until the link ends. */
  onMessage(listener: (message: string) => void): void;
  /** Closes the link, and tells the client why if it still reads. */
  close(code: number, reason: string): void;
  /** Calls back once, at the end; at once where that was already. Whatever the client started is to be ended then. */
  onEnd(listener: (code: number, reason: string) => void): void;
}

/** What a link needs of its door. */
export interface SocketLinkParts {
  readonly socket: WebSocket;
  readonly address: string;
  readonly audience: Audience;
  /** More unread than this, and the next message drops the link. */
  readonly unreadBytes: number;
  /** A client that doesn't answer a ping by the next one is gone. */
  readonly pingMs: number;
  readonly log: { debug(fields: object, message: string): void };
}

/** RFC 6455, section 7.4.1: the connection was lost, with no close frame. */
const ABNORMAL = 1006;
/** A client that doesn't answer a close within this is cut off, with all that it left unread. */
const CLOSE_MS = 2_000;
/** A close frame's reason has at most this many bytes (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** Joins a socket with its audience. What a client doesn't read is dropped together with the socket. */
export const createSocketLink = (parts: SocketLinkParts): SocketLink => {
  const { socket, address, audience, unreadBytes, log } = parts;
  const listeners: ((code: number, reason: string) => void)[] = [];
  let ended: { readonly code: number; readonly reason: string } | undefined;

  const end = (code: number, reason: string): void => {
    if (ended) return;
    ended = { code, reason };
    stopPings();
    leave();
    for (const listener of listeners) listener(code, reason);
  };
  const link: SocketLink = {
    get isOpen() {
      return ended === undefined;
    },
    unreadBytes: () => socket.bufferedAmount,
    drop: () => {
      log.debug({ address, unreadBytes: socket.bufferedAmount }, 'a socket left too much unread');
      socket.terminate();
      end(ABNORMAL, 'too much unread');
    },
    send: (message) =>
      new Promise((resolve) => {
        if (ended) return resolve();
        if (socket.bufferedAmount > unreadBytes) link.drop();
        else socket.send(message, () => resolve()); // a socket that broke says so by closing
        if (ended) return resolve();
        audience.settle(address, link);
      }),
    onMessage: (listener) => {
      socket.on('message', (data) => {
        if (!ended) listener(String(data));
      });
    },
    close: (code, reason) => {
      if (ended) return;
      socket.close(code, shorten(reason));
      const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
      socket.once('close', () => clearTimeout(timer));
      end(code, reason);
    },
    onEnd: (listener) => {
      if (ended) listener(ended.code, ended.reason);
      else listeners.push(listener);
    },
  };
  const leave = audience.join(address, link);
  const stopPings = keepAlive(socket, parts.pingMs);
  // Pongs wait in the same queue as answers, so they are bounded like them.
  socket.on('ping', (data) => {
    if (socket.bufferedAmount > unreadBytes) link.drop();
    else if (!ended) socket.pong(data);
  });
  socket.on('error', (error) => log.debug({ err: error }, 'socket error'));
  socket.once('close', (code, reason) => end(code, String(reason)));
  return link;
};

const keepAlive = (socket: WebSocket, pingMs: number): (() => void) => {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, pingMs);
  return () => clearInterval(timer);
};

const shorten = (text: string): string => {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
};
