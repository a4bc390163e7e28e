import { readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly 'x-open-enum'?: boolean;
  readonly nullable?: boolean;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

/** How deep objects lie in one another at most; what is deeper comes as its id, or not at all. */
const DEEPEST = 4;
const LATEST = 4_102_444_800;
const TIMES = /^(created|.*_at|.*_by|.*_on|start|end|.*_start|.*_end|.*_date|anchor|trial_end|arrives_by)$/;
const AMOUNTS = /amount|total|subtotal|tax|fee|net|due|paid|remaining|balance/;

const word = fc.stringMatching(/^[a-z]{2,4}_[A-Za-z0-9]{1,20}$/);
/** What Stripe's prose says of a field and its schema doesn't. */
const namedText = (name: string): Arbitrary<unknown> => {
  if (name === 'currency') return fc.constantFrom('usd', 'jpy', 'kwd', 'isk', 'eur');
  if (/_decimal$/.test(name)) return fc.integer({ min: 0, max: 99_999_999 }).map(String);
  if (name === 'id' || /_secret$/.test(name)) return word;
  return fc.oneof(
    word,
    fc.string({ maxLength: 30 }).map((text) => text.replaceAll('\0', '')),
  );
};
const namedNumber = (name: string): Arbitrary<number> => {
  if (TIMES.test(name)) return fc.integer({ min: 0, max: LATEST });
  if (AMOUNTS.test(name)) return fc.integer({ min: 0, max: 999_999_999_999 });
  return fc.integer({ min: 0, max: 9_999 });
};

/** Objects as Stripe's published spec allows them; what it leaves open, such as a state that it may add, is open here too. */
export const createSpecObjects = () => {
  const spec = JSON.parse(
    readFileSync(new URL('../stripe-contract/stripe-spec-trimmed.json', import.meta.url), 'utf8'),
  ) as { components: { schemas: Readonly<Record<string, Schema>> } };
  const { schemas } = spec.components;
  const resolve = (schema: Schema): Schema => {
    const name = schema.$ref?.replace('#/components/schemas/', '');
    return name === undefined ? schema : (schemas[name] ?? {});
  };

  const objectOf = ({ properties = {}, required = [] }: Schema, depth: number): Arbitrary<unknown> => {
    const always = new Set([...required, 'id', 'object']);
    // What Stripe's types declare only so that it is never there has no type.
    const real = Object.entries(properties).filter(
      ([, inner]) => inner.type ?? inner.enum ?? inner.anyOf ?? inner.$ref,
    );
    const fields = real.map(([name, inner]): [string, Arbitrary<unknown>] => [
      name,
      anyOfSchema(inner, name, depth + 1),
    ]);
    return fc.record(Object.fromEntries(fields), {
      requiredKeys: real.flatMap(([name]) => (always.has(name) ? [name] : [])),
    } as never);
  };

  const anyOf = (options: readonly Schema[], name: string, depth: number): Arbitrary<unknown> => {
    const [first = {}] = options;
    const flat = options.find(({ $ref }) => $ref === undefined) ?? first;
    const possible = depth >= DEEPEST ? [flat] : options;
    // What may be expanded is an id otherwise.
    return fc.oneof(...possible.map((option) => (option.type === 'string' ? word : anyOfSchema(option, name, depth))));
  };

  const plainOf = (given: Schema, name: string, depth: number): Arbitrary<unknown> => {
    const schema = resolve(given);
    if (schema.anyOf) return anyOf(schema.anyOf, name, depth);
    if (schema.enum) {
      const known = fc.constantFrom(...schema.enum);
      return schema['x-open-enum'] ? fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: word }) : known;
    }
    if (schema.type === 'string') return namedText(name);
    if (schema.type === 'boolean') return fc.boolean();
    if (schema.type === 'integer' || schema.type === 'number') return namedNumber(name);
    if (schema.type === 'array')
      return depth >= DEEPEST
        ? fc.constant([])
        : fc.array(anyOfSchema(schema.items ?? {}, name, depth), { maxLength: 2 });
    if (schema.additionalProperties)
      return fc.dictionary(
        fc.stringMatching(/^[a-z_]{1,20}$/),
        anyOfSchema(schema.additionalProperties, name, depth + 1),
        {
          maxKeys: 3,
        },
      );
    return depth > DEEPEST + 1 ? fc.constant({}) : objectOf(schema, depth);
  };

  const anyOfSchema = (schema: Schema, name: string, depth: number): Arbitrary<unknown> => {
    const plain = plainOf(schema, name, depth);
    return schema.nullable
      ? fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 3, arbitrary: plain })
      : plain;
  };

  return {
    /** Any object of this kind. */
    of: (kind: string): Arbitrary<unknown> => {
      const schema = schemas[kind];
      if (!schema) throw new Error(`The spec has no ${kind}.`);
      return objectOf(schema, 0);
    },
  };
};
