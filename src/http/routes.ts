import type { Answer, PieceByPiece } from './reply.js';

/** What a handed-in route gets. */
export interface RouteRequest {
  readonly method: string;
  readonly path: string;
  /** The parts of the path that the pattern names with a colon; what `*` stands for is under "*". */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** The client's address. */
  readonly address: string;
  /** At most the limit of a GraphQL body. */
  readonly body: Buffer;
}

/** Answers one route. What it throws is INTERNAL to the client and goes to the log. */
export type Route = (request: RouteRequest) => Promise<Answer | PieceByPiece> | Answer;

/** Further doors by method and pattern: "GET /demo/token", "GET /demo/orders/:id", "GET /console/*". */
export type Routes = Readonly<Record<string, Route>>;

/** What a path leads to: a route, methods that it would take instead, or nothing. */
export type Found =
  | { readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly allow: readonly string[] };

/** Makes the finder of routes. A HEAD is answered like its GET. */
export const createRouter = (routes: Routes): ((method: string, path: string) => Found | undefined) => {
  const patterns = Object.entries(routes).map(([key, route]) => {
    const [method = '', path = ''] = key.split(' ');
    return { method, segments: path.split('/'), route };
  });
  return (method, path) => {
    const asked = path.split('/');
    const matching = patterns.flatMap((pattern) => {
      const params = match(pattern.segments, asked);
      return params ? [{ ...pattern, params }] : [];
    });
    const found = matching.find((pattern) => pattern.method === (method === 'HEAD' ? 'GET' : method));
    if (found) return { route: found.route, params: found.params };
    return matching.length > 0 ? { allow: matching.map((pattern) => pattern.method) } : undefined;
  };
};

const match = (pattern: readonly string[], asked: readonly string[]): Record<string, string> | undefined => {
  const params: Record<string, string> = {};
  for (const [index, segment] of pattern.entries()) {
    if (segment === '*') return { ...params, '*': asked.slice(index).join('/') };
    const value = asked[index];
    if (value === undefined) return undefined;
    if (segment.startsWith(':') && value !== '') params[segment.slice(1)] = decode(value);
    else if (segment !== value) return undefined;
  }
  return pattern.length === asked.length ? params : undefined;
};

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};
