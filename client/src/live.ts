import { createClient, type Client as Socket } from 'graphql-ws';
import { type Operation, type Print, textOf } from './document.js';
import { TollgateError, toTollgateError } from './errors.js';
import { createRowStream, type RowStream, type Sink, type Versioned } from './row-stream.js';
import type { Tokens } from './tokens.js';

/** How the socket is. `idle`: nobody watches anything. `lost`: it comes back by itself. */
export type Connection = 'idle' | 'connecting' | 'open' | 'lost';

/** A subscription, and how its rows are read. */
export interface Watching<Data, Variables, Row> {
  readonly operation: Operation<Data, Variables>;
  readonly variables: Variables;
  readonly rowOf: (data: Data) => Row;
  /** Asks whether there is no row yet: a subscription stays silent then. Left out where there always is one. */
  readonly isEmpty?: () => Promise<boolean>;
}

/** What a client watches over one socket. */
export interface Live {
  /** A subscription's rows: the current state first, then newer versions. A lost socket is opened again and goes on. */
  watch<Data, Variables extends Record<string, unknown>, Row extends Versioned>(
    watching: Watching<Data, Variables, Row>,
  ): RowStream<Row>;
  readonly connection: {
    current(): Connection;
    /** Calls back at each change; gives the way to stop. */
    onChange(listener: () => void): () => void;
  };
  close(): void;
}

export interface LiveOptions {
  readonly url: string;
  readonly tokens: Tokens;
  readonly print?: Print | undefined;
  /** The WebSocket class where there is no global one: Node 20. */
  readonly webSocket?: unknown;
}

/** The server's close code for a token that it does not take, or that has ended. */
const FORBIDDEN = 4403;
/** A token that was just fetched and refused again will not become better. */
const MOST_REFUSALS = 3;
const NOT_TAKEN = 'The server does not take this token. Log in again.';
const IDLE_CLOSE_MS = 5_000;
const PING_MS = 10_000;
const PONG_MS = 5_000;
const LONGEST_PAUSE_MS = 5_000;

/** Opens a socket when the first watcher comes and closes it after the last has gone. Nothing is opened before: a page may be rendered on a server. */
export const createLive = (options: LiveOptions): Live => {
  const listeners = new Set<() => void>();
  /** Opens the streams again whose token ended before the server closed its socket. */
  const reopen = new Set<() => void>();
  let connection: Connection = 'idle';
  let sent: string | undefined;
  let refusals = 0;
  let socket: Socket | undefined;

  const become = (next: Connection): void => {
    connection = next;
    for (const listener of [...listeners]) listener();
  };

  /** A network that is gone is said at once: the socket alone would take until the next ping. */
  const giveUp = (): void => {
    if (connection === 'open' || connection === 'connecting') {
      become('lost');
      socket?.terminate();
    }
  };

  const open = (): Socket => {
    let pongTimer: ReturnType<typeof setTimeout> | undefined;
    onGlobal('offline', giveUp);
    const made = createClient({
      url: options.url.replace(/^http/, 'ws'),
      webSocketImpl: options.webSocket,
      lazyCloseTimeout: IDLE_CLOSE_MS,
      connectionParams: async () => {
        sent = await options.tokens.current();
        return sent === undefined ? {} : { authorization: `Bearer ${sent}` };
      },
      keepAlive: PING_MS,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: pause,
      shouldRetry: () => refusals < MOST_REFUSALS,
      on: {
        connecting: () => become(connection === 'lost' ? 'lost' : 'connecting'),
        connected: () => {
          refusals = 0;
          become('open');
        },
        // A socket whose other end is gone says nothing: without a pong in time it is given up.
        ping: (received) => {
          if (!received) pongTimer = setTimeout(() => made.terminate(), PONG_MS);
        },
        pong: (received) => {
          if (received) clearTimeout(pongTimer);
        },
        closed: (event) => {
          clearTimeout(pongTimer);
          const code: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, 'code') : undefined;
          if (code === FORBIDDEN) {
            refusals += 1;
            options.tokens.refuse(sent);
          }
          become(code === 1000 ? 'idle' : 'lost');
          for (const again of [...reopen]) again();
        },
      },
    });
    return made;
  };

  const subscribe = <Data, Variables extends Record<string, unknown>, Row extends Versioned>(
    { operation, variables, rowOf }: Watching<Data, Variables, Row>,
    sink: Sink<Row>,
  ): (() => void) => {
    socket ??= open();
    const current = socket;
    let stop: () => void;
    const fail = (thrown: unknown): void => {
      const error = toTollgateError(thrown);
      if (refusals >= MOST_REFUSALS) sink.end(new TollgateError('UNAUTHENTICATED', NOT_TAKEN));
      // Without a token there is none that could have ended: nobody is logged in.
      else if (error.code === 'UNAUTHENTICATED' && sent !== undefined) reopen.add(start);
      else sink.end(error);
    };
    const start = (): void => {
      reopen.delete(start);
      stop = current.subscribe<Data>(
        { query: textOf(operation, options.print), variables },
        {
          next: ({ data, errors }) => {
            if (errors) fail(errors);
            else if (data) sink.row(rowOf(data));
          },
          error: fail,
          complete: () => {
            if (!reopen.has(start)) sink.end();
          },
        },
      );
    };
    start();
    return () => {
      reopen.delete(start);
      stop();
    };
  };

  return {
    watch: (watching) =>
      createRowStream((sink) => {
        const stop = subscribe(watching, sink);
        let isWatched = true;
        if (watching.isEmpty) void hear(watching.isEmpty, sink, () => isWatched);
        return () => {
          isWatched = false;
          stop();
        };
      }),
    connection: {
      current: () => connection,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    close: () => {
      offGlobal('offline', giveUp);
      // It waits for a socket that is being opened, which may fail: then there is nothing to close.
      Promise.resolve(socket?.dispose()).catch(() => undefined);
      socket = undefined;
    },
  };
};

/** Asks until there is an answer. What the server refuses, it refuses the subscription too, whose reader hears of it. */
const hear = async (
  isEmpty: () => Promise<boolean>,
  sink: Pick<Sink<never>, 'ready' | 'end'>,
  isWatched: () => boolean,
): Promise<void> => {
  for (let tries = 0; isWatched(); tries += 1) {
    try {
      if (await isEmpty()) sink.ready();
      return;
    } catch (thrown) {
      const error = toTollgateError(thrown);
      if (!['UNREACHABLE', 'RATE_LIMITED'].includes(error.code)) return sink.end(error);
      await pause(tries);
    }
  }
};

/** Waits before the next try: longer each time, with chance in it so that a server's clients don't all come at once. */
const pause = (retries: number): Promise<void> => {
  const longest = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** retries);
  return new Promise((resolve) => {
    const timer = setTimeout(done, longest / 2 + (Math.random() * longest) / 2);
    function done(): void {
      clearTimeout(timer);
      offGlobal('online', done);
      resolve();
    }
    onGlobal('online', done); // no need to wait on when the network is back
  });
};

/** Browsers tell of their network; Node and React Native don't. */
const onGlobal = (name: string, listener: () => void): void => globalThis.addEventListener?.(name, listener);
const offGlobal = (name: string, listener: () => void): void => globalThis.removeEventListener?.(name, listener);
