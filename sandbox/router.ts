import { invalidRequest, leftOut } from './errors.js';
import type { Resource, Route } from './resource.js';
import { leftOutAt } from './resources/left-out.js';

export interface Match {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly route: Route;
  readonly segments: readonly string[];
}

/** A malformed escape stays as it is; no object has such an id. */
const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

/** Finds the route of a request; a literal segment wins over a placeholder. Throws `sandbox_left_out` for what only Stripe has, Stripe's 404 for an unknown URL. */
export const createRouter = (resources: readonly Resource[]) => {
  const byShape = new Map<string, Compiled[]>();
  const compiled = resources.flatMap(({ routes }) =>
    (routes ?? []).map((route) => ({ route, segments: route.path.split('/') })),
  );
  const placeholders = ({ segments }: Compiled): number => segments.filter((segment) => segment.startsWith(':')).length;
  for (const entry of compiled.sort((a, b) => placeholders(a) - placeholders(b))) {
    const shape = `${entry.route.method} ${entry.segments.length}`;
    byShape.set(shape, [...(byShape.get(shape) ?? []), entry]);
  }

  return (method: string, pathname: string): Match => {
    const segments = pathname.split('/');
    for (const { route, segments: wanted } of byShape.get(`${method} ${segments.length}`) ?? []) {
      const isMatch = wanted.every((segment, at) =>
        segment.startsWith(':') ? segments[at] !== '' : segment === segments[at],
      );
      if (!isMatch) continue;
      const path: Record<string, string> = {};
      wanted.forEach((segment, at) => {
        if (segment.startsWith(':')) path[segment.slice(1)] = decoded(segments[at] ?? '');
      });
      return { route, path };
    }
    const what = leftOutAt(pathname);
    if (what !== undefined) throw leftOut(what);
    throw invalidRequest(
      `Unrecognized request URL (${method}: ${pathname}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
      { status: 404 },
    );
  };
};
