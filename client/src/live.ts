import { createClient } from 'graphql-ws';
import { TollgateError, toTollgateError } from './errors.js';
import type { Operation } from './requests.js';
import { createRowStream, type Versioned } from './row-stream.js';
import type { Tokens } from './tokens.js';

/** How the socket is. `idle`: nobody watches anything. `lost`: it comes back by itself. */
export type Connection = 'idle' | 'connecting' | 'open' | 'lost';

/** What a client watches over one socket. */
export interface Live {
  /** A subscription's rows: the current state first, then newer versions. A lost socket is opened again and goes on. */
  watch<Data, Variables extends Record<string, unknown>, Row extends Versioned>(
    operation: Operation<Data, Variables>,
    variables: Variables,
    rowOf: (data: Data) => Row,
  ): AsyncIterableIterator<Row, undefined>;
  readonly connection: {
    current(): Connection;
    /** Calls back at each change; gives the way to stop. */
    onChange(listener: () => void): () => void;
  };
  close(): void;
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

/** Opens a socket when the first watcher comes and closes it after the last has gone. */
export const createLive = (url: string, tokens: Tokens): Live => {
  const listeners = new Set<() => void>();
  /** Opens the streams again whose token ended before the server closed its socket. */
  const reopen = new Set<() => void>();
  let connection: Connection = 'idle';
  let sent: string | undefined;
  let refusals = 0;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;

  const become = (next: Connection): void => {
    connection = next;
    for (const listener of listeners) listener();
  };

  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    lazyCloseTimeout: IDLE_CLOSE_MS,
    connectionParams: async () => {
      sent = await tokens.current();
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
        if (!received) pongTimer = setTimeout(() => client.terminate(), PONG_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const code: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, 'code') : undefined;
        if (code === FORBIDDEN) {
          refusals += 1;
          tokens.refuse(sent);
        }
        become(code === 1000 ? 'idle' : 'lost');
        for (const open of [...reopen]) open();
      },
    },
  });

  return {
    watch: (operation, variables, rowOf) =>
      createRowStream((sink) => {
        let stop: () => void;
        const fail = (thrown: unknown): void => {
          const error = toTollgateError(thrown);
          if (refusals >= MOST_REFUSALS) sink.end(new TollgateError('UNAUTHENTICATED', NOT_TAKEN));
          // Without a token there is none that could have ended: nobody is logged in.
          else if (error.code === 'UNAUTHENTICATED' && sent !== undefined) reopen.add(open);
          else sink.end(error);
        };
        const open = (): void => {
          reopen.delete(open);
          stop = client.subscribe<ReturnType<NonNullable<typeof operation.__apiType>>>(
            { query: operation.toString(), variables },
            {
              next: ({ data, errors }) => {
                if (errors) fail(errors);
                else if (data) sink.row(rowOf(data));
              },
              error: fail,
              complete: () => {
                if (!reopen.has(open)) sink.end();
              },
            },
          );
        };
        open();
        return () => {
          reopen.delete(open);
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
    close: () => void client.dispose(),
  };
};

/** Waits before the next try: longer each time, with chance in it so that a server's clients don't all come at once. */
const pause = (retries: number): Promise<void> => {
  const longest = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** retries);
  return new Promise((resolve) => {
    const timer = setTimeout(done, longest / 2 + (Math.random() * longest) / 2);
    function done(): void {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    }
    addEventListener('online', done); // no need to wait on when the network is back
  });
};
