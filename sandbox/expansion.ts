import { invalidRequest } from './errors.js';
import type { Kind, StripeObject } from './kind.js';
import type { Scope } from './scope.js';

const MAX_DEPTH = 4;

type Hash = Record<string, unknown>;
const isHash = (value: unknown): value is Hash => typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (path: string): Error =>
  invalidRequest(
    `This property cannot be expanded (${path}). You may want to try expanding another property, or check that the property is spelled correctly.`,
  );

/** Replaces ids by the objects behind them (Stripe: "Expanding responses"). The rows themselves are left as they are. */
export type Expand = (scope: Scope, answer: object, paths: readonly string[]) => object;

/** An expander over the given kinds. */
export const createExpand = (kinds: ReadonlyMap<string, Kind<StripeObject>>): Expand => {
  const kindOf = (value: Hash): Kind<StripeObject> | undefined =>
    typeof value['object'] === 'string' ? kinds.get(value['object']) : undefined;

  const lookUp = (scope: Scope, table: string, id: string): unknown => {
    const live = kinds.get(table);
    const gone = kinds.get(`deleted_${table}`);
    const row = (live && scope.find(live, id)) ?? (gone && scope.find(gone, id));
    return row ? structuredClone(row) : id;
  };

  const openField = (
    scope: Scope,
    owner: Kind<StripeObject>,
    holder: Hash,
    field: string,
    dotted: string,
    id: string,
  ) => {
    const include = owner.included?.[dotted];
    if (include) {
      holder[field] ??= structuredClone(include(scope, id));
      return true;
    }
    const table = owner.expandable?.[dotted];
    if (table === undefined) return false;
    const value = holder[field];
    if (typeof value === 'string') holder[field] = lookUp(scope, table, value);
    return true;
  };

  const walk = (scope: Scope, value: unknown, segments: readonly string[], full: string): void => {
    const [segment, ...rest] = segments;
    if (segment === undefined || value === null || value === undefined) return;
    if (Array.isArray(value)) {
      for (const item of value) walk(scope, item, segments, full);
      return;
    }
    if (!isHash(value)) throw refuse(full);
    if (value['object'] === 'list') {
      if (segment !== 'data') throw refuse(full);
      walk(scope, value['data'], rest, full);
      return;
    }
    const owner = kindOf(value);
    if (!owner) throw refuse(full);
    // A field may lie in a nested hash that is no object of its own: 'invoice_settings.default_payment_method'.
    let holder: Hash = value;
    let dotted = segment;
    let left = rest;
    let field = segment;
    while (!openField(scope, owner, holder, field, dotted, String(value['id']))) {
      const inner = holder[field];
      const isPrefix = Object.keys({ ...owner.expandable, ...owner.included }).some((name) =>
        name.startsWith(`${dotted}.`),
      );
      const next = left[0];
      if (next === undefined || !isPrefix) {
        if (isHash(inner) && kindOf(inner)) break;
        throw refuse(full);
      }
      if (!isHash(inner)) return;
      holder = inner;
      field = next;
      dotted = `${dotted}.${next}`;
      left = left.slice(1);
    }
    walk(scope, holder[field], left, full);
  };

  return (scope, answer, paths) => {
    if (paths.length === 0) return answer;
    const copy = structuredClone(answer);
    for (const path of [...paths].sort()) {
      const segments = path.split('.');
      if (segments.length > MAX_DEPTH + (segments[0] === 'data' ? 1 : 0))
        throw invalidRequest(`You cannot expand more than ${MAX_DEPTH} levels of a property. Property: ${path}`);
      walk(scope, copy, segments, path);
    }
    return copy;
  };
};
