type Hash = Record<string, unknown>;
const isHash = (value: unknown): value is Hash => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What an update changed, with the values from before; null for keys that are new (Stripe: "The Event object"). */
export const previousAttributes = (before: object, after: object): Hash | undefined => {
  const changed: Hash = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was: unknown = Reflect.get(before, key);
    const is: unknown = Reflect.get(after, key);
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    changed[key] = isHash(was) && isHash(is) ? previousAttributes(was, is) : (was ?? null);
  }
  return Object.keys(changed).length > 0 ? changed : undefined;
};
