import type { WebSocket as ProtocolSocket } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Session } from '../graphql/session.js';
import type { Audience, Reader } from './audience.js';

/** What all links of a door share. */
export interface SocketLinkParts {
  readonly audience: Audience;
  /** More unread than this, and the next message drops the link. */
  readonly unreadBytes: number;
  readonly log: { debug(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Called once per link, as it ends. */
  readonly onEnded: (link: SocketLink) => void;
}

/** Tells what was begun on a link that it has ended. */
type EndListener = (code: number, reason: string) => Promise<void>;

/** Close codes of the graphql-transport-ws protocol and of RFC 6455, section 7.4.1. */
export const INTERNAL = 4500;
export const GOING_AWAY = 1001;
/** RFC 6455, section 7.4.1: the connection was lost, with no close frame. */
const ABNORMAL = 1006;
/** A client that doesn't answer a close within this is cut off, with all that it left unread. */
const CLOSE_MS = 2_000;
/** A close frame's reason has at most this many bytes (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/**
 * One open socket, joined with its audience. It ends once: when it closes, or as soon as we decide that it must. What a client
 * doesn't read is dropped together with the socket. One object for each: there may be ten thousand that wait.
 */
export class SocketLink implements Reader, ProtocolSocket {
  /** The header, which only clients outside of browsers can send. */
  authorization: string | undefined;
  /** There once connection_init was accepted. */
  session: Session | undefined;
  /** When the token of its caller ends. */
  expiresAt: Date | null = null;
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #parts: SocketLinkParts;
  readonly #leave: () => void;
  #onEnd: EndListener | undefined;
  #isAlive = true;
  #ended = false;

  constructor(socket: WebSocket, address: string, parts: SocketLinkParts) {
    this.#socket = socket;
    this.address = address;
    this.#parts = parts;
    this.#leave = parts.audience.join(address, this);
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    // Pongs wait in the same queue as answers, so they are bounded like them.
    socket.on('ping', (data) => {
      if (socket.bufferedAmount > parts.unreadBytes) this.drop();
      else if (!this.#ended) socket.pong(data);
    });
    socket.on('error', (error) => parts.log.debug({ err: error }, 'socket error'));
    socket.once('close', (code, reason) => this.#end(code, String(reason)));
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  unreadBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Ends it at once, with all that it holds. */
  drop(): void {
    const { log } = this.#parts;
    log.debug({ address: this.address, unreadBytes: this.unreadBytes() }, 'a socket left too much unread');
    this.#socket.terminate();
    this.#end(ABNORMAL, 'too much unread');
  }

  /** Resolves when the message is on its way, or the socket gone. */
  send(message: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) return resolve();
      if (this.unreadBytes() > this.#parts.unreadBytes) this.drop();
      else this.#socket.send(message, () => resolve()); // a socket that broke says so by closing
      if (this.#ended) return resolve();
      this.#parts.audience.settle(this.address, this);
    });
  }

  /** Hands on what the client sends, until the link ends. A fault in one message closes it, without telling the fault. */
  onMessage(receive: (message: string) => Promise<void>): void {
    this.#socket.on('message', (data) => {
      if (this.#ended) return;
      receive(String(data)).catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'unexpected error on a socket');
        this.close(INTERNAL, 'Something went wrong on our side.');
      });
    });
  }

  /** Pings it; a client that did not answer the last one is gone. */
  beat(): void {
    if (this.#isAlive) this.#socket.ping();
    else this.#socket.terminate();
    this.#isAlive = false;
  }

  /** Closes the link, and tells the client why if it still reads. */
  close(code = GOING_AWAY, reason = ''): void {
    if (this.#ended) return;
    this.#socket.close(code, shorten(reason));
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#end(code, reason);
  }

  /** Calls back once, at the end. Whatever the client started is to be ended then. */
  onEnd(listener: EndListener): void {
    this.#onEnd = listener;
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave();
    this.#parts.onEnded(this);
    this.#onEnd?.(code, reason).catch((error: unknown) => {
      this.#parts.log.error({ err: error }, 'a socket did not end cleanly');
    });
    this.#onEnd = undefined;
  }
}

const shorten = (text: string): string => {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = short.slice(0, -1);
  return short;
};
