import type { IncomingMessage, ServerResponse } from 'node:http';

/** Which other sites' pages may call the API. */
export interface Origins {
  /** Whether a page of the request's origin may open a socket; a client that is no browser names none and may. */
  mayConnect(request: IncomingMessage): boolean;
  /** Says in the answer's headers what the page's origin may do. Source: WHATWG Fetch, "CORS protocol". */
  allow(request: IncomingMessage, response: ServerResponse): void;
}

const DAY_SECONDS = 86_400;

/** Makes the list of allowed origins; a page of this server's own origin is always allowed. */
export const createOrigins = (list: readonly string[]): Origins => {
  const allowed = new Set(list.map((origin) => new URL(origin).origin));
  return {
    mayConnect: ({ headers: { origin, host } }) => {
      if (origin === undefined || allowed.has(origin)) return true;
      return URL.canParse(origin) && new URL(origin).host === host;
    },
    allow: ({ method, headers: { origin } }, response) => {
      if (allowed.size > 0) response.setHeader('vary', 'origin');
      if (origin === undefined || !allowed.has(origin)) return;
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', 'x-request-id, retry-after');
      if (method !== 'OPTIONS') return;
      response.setHeader('access-control-allow-methods', 'GET, POST');
      response.setHeader('access-control-allow-headers', 'authorization, content-type, accept, x-tollgate-csrf');
      response.setHeader('access-control-max-age', String(DAY_SECONDS));
    },
  };
};
