import { createClient } from 'graphql-ws';
import { GRAPHQL, token } from './shop.ts';

/** Fetches the next token so long before the present one ends. */
const EARLY_MS = 30_000;
const PING_MS = 10_000;
const PONG_MS = 5_000;

/** When a token ends, in milliseconds. Source: RFC 7519, "exp". */
const endOf = (jwt: string): number => {
  const [, claims = ''] = jwt.split('.');
  return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1_000;
};

/** A socket that comes back by itself, with a fresh token before the old one ends; its subscriptions then go on. */
export const createSocket = () => {
  let endsAt = 0;
  let renewal: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const socket = createClient({
    url: GRAPHQL.replace(/^http/, 'ws'),
    connectionParams: async () => {
      const jwt = await token();
      endsAt = endOf(jwt);
      return { authorization: `Bearer ${jwt}` };
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    keepAlive: PING_MS,
    on: {
      connected: () => {
        // terminate() opens the socket again, and with it asks for connectionParams.
        const restMs = Math.max(1_000, endsAt - Date.now() - EARLY_MS);
        renewal = setTimeout(() => socket.terminate(), Math.min(restMs, 2 ** 31 - 1));
      },
      // A socket whose other end is gone says nothing.
      ping: (isReceived) => {
        if (!isReceived) silence = setTimeout(() => socket.terminate(), PONG_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(silence);
      },
      closed: () => {
        clearTimeout(renewal);
        clearTimeout(silence);
      },
    },
  });
  return socket;
};
