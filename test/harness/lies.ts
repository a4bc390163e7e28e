import fc from 'fast-check';

/** What a body may hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Where something stands in a body. */
type Path = readonly string[];

/** Values that fit the type and nothing else, or hardly any type. */
const AWKWARD: readonly Json[] = [
  null,
  true,
  '',
  '\0',
  'a\0b',
  ' ',
  '-1',
  'x'.repeat(300),
  -1,
  0,
  1.5,
  5,
  9e15,
  1e300,
  [],
  {},
  [null],
  [5],
  { id: 5 },
  { id: '\0' },
  { data: 5 },
  { data: [null] },
];

const pathsOf = (value: Json, at: Path = []): Path[] => {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...at, key]))];
};

/** A copy with something else at one place; undefined leaves the field out. */
const put = (value: Json, [key, ...rest]: Path, other: Json | undefined): Json | undefined => {
  if (key === undefined) return other;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.flatMap((inner, index) => {
      const next = String(index) === key ? put(inner, rest, other) : inner;
      return next === undefined ? [] : [next];
    });
  }
  const { [key]: inner = null, ...others } = value;
  const next = put(inner, rest, other);
  return next === undefined ? others : { ...others, [key]: next };
};

const OTHER = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(...AWKWARD),
  fc.jsonValue({ maxDepth: 2 }).map((value) => value as Json),
);

/** The same object with some of its fields alone; what kind of object it is stays, so that it passes at first sight. */
const partOf = (honest: Json): fc.Arbitrary<Json> => {
  if (typeof honest !== 'object' || honest === null || Array.isArray(honest)) return fc.constant(honest);
  const entries = Object.entries(honest);
  const kept = entries.filter(([key]) => key === 'object' || key === 'id' || key === 'metadata');
  return fc.subarray(entries).map((some) => Object.fromEntries([...some, ...kept]));
};

/** Bodies that differ from an honest one at one to three places, most of them near the top, or lack some of its fields. */
export const lieAbout = (honest: Json): fc.Arbitrary<Json> => {
  const paths = pathsOf(honest);
  const near = paths.filter(({ length }) => length === 1);
  const somewhere = fc.oneof(fc.constantFrom(...paths), fc.constantFrom(...(near.length > 0 ? near : paths)));
  const changed = fc
    .array(fc.tuple(somewhere, OTHER), { minLength: 1, maxLength: 3 })
    .map((places) => places.reduce<Json>((body, [path, other]) => put(body, path, other) ?? {}, honest));
  return fc.oneof(changed, partOf(honest));
};
