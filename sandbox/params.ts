import { type ApiError, invalidRequest, leftOut } from './errors.js';
import type { FormHash, FormValue } from './form.js';

/**
 * Parameter lists: each endpoint declares what it takes, and a wrong client gets the error that Stripe would send
 * (Stripe: "Errors", "Error codes": parameter_unknown, parameter_missing, parameter_invalid_empty, parameter_invalid_integer).
 */
export interface Param<T> {
  readonly parse: (value: FormValue, path: string) => T;
  readonly isRequired?: boolean;
}
export interface RequiredParam<T> extends Param<T> {
  readonly isRequired: true;
}
export type Shape = Readonly<Record<string, Param<unknown>>>;
type Parsed<P> = P extends Param<infer T> ? T : never;
export type Values<S extends Shape> = {
  [K in keyof S as S[K] extends RequiredParam<unknown> ? K : never]: Parsed<S[K]>;
} & { [K in keyof S as S[K] extends RequiredParam<unknown> ? never : K]?: Parsed<S[K]> };

const emptyValue = (path: string): ApiError =>
  invalidRequest(
    `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; however '${path}' cannot be unset. You should remove '${path}' from your request or supply a non-empty value.`,
    { code: 'parameter_invalid_empty', param: path },
  );

const scalar = (value: FormValue, path: string): string => {
  if (typeof value !== 'string') throw invalidRequest('Invalid string: {...}', { param: path });
  if (value === '') throw emptyValue(path);
  return value;
};

/** Text of at least one and at most 5,000 characters. */
export const text: Param<string> = {
  parse: (value, path) => {
    const parsed = scalar(value, path);
    if (parsed.length > 5_000)
      throw invalidRequest(`Invalid string: must be at most 5000 characters`, {
        param: path,
        code: 'parameter_invalid_string_too_long',
      });
    return parsed;
  },
};

/** A whole number of at least `min`. */
export const integer = (min = Number.MIN_SAFE_INTEGER): Param<number> => ({
  parse: (value, path) => {
    const parsed = scalar(value, path);
    if (!/^-?\d{1,15}$/.test(parsed))
      throw invalidRequest(`Invalid integer: ${parsed}`, { param: path, code: 'parameter_invalid_integer' });
    if (Number(parsed) < min)
      throw invalidRequest(`This value must be greater than or equal to ${min}.`, {
        param: path,
        code: 'parameter_invalid_integer',
      });
    return Number(parsed);
  },
});

export const boolean: Param<boolean> = {
  parse: (value, path) => {
    const parsed = scalar(value, path);
    if (parsed !== 'true' && parsed !== 'false') throw invalidRequest(`Invalid boolean: ${parsed}`, { param: path });
    return parsed === 'true';
  },
};

/** One of the listed words. */
export const oneOf = <const W extends readonly string[]>(...words: W): Param<W[number]> => ({
  parse: (value, path) => {
    const parsed = scalar(value, path);
    const word = words.find((candidate) => candidate === parsed);
    if (word === undefined) {
      const last = words.length > 1 ? `${words.slice(0, -1).join(', ')}, or ${words.at(-1)}` : words[0];
      throw invalidRequest(`Invalid ${path}: must be ${words.length > 1 ? 'one of ' : ''}${last}`, { param: path });
    }
    return word;
  },
});

/** The empty string unsets the value (parsed as null). */
export const clearable = <T>(inner: Param<T>): Param<T | null> => ({
  parse: (value, path) => (value === '' ? null : inner.parse(value, path)),
});

/** What must be given. */
export const required = <T>(inner: Param<T>): RequiredParam<T> => ({ ...inner, isRequired: true });

/** A list; the empty string is the empty list. */
export const listOf = <T>(inner: Param<T>, most = 1_000): Param<T[]> => ({
  parse: (value, path) => {
    if (value === '') return [];
    if (typeof value === 'string' || !Object.keys(value).every((key) => /^\d+$/.test(key)))
      throw invalidRequest('Invalid array', { param: path });
    const items = Object.values(value);
    if (items.length > most)
      throw invalidRequest(`You may only specify up to ${most} ${path}.`, {
        param: path,
        code: 'parameter_invalid_array',
      });
    return items.map((item, at) => inner.parse(item, `${path}[${at}]`));
  },
});

/** Any nested value, kept as it came. */
export const anything: Param<FormValue> = { parse: (value) => value };

/** What Stripe takes and the sandbox leaves out: refused with a plain message. */
export const unsupported = (what: string): Param<never> => ({
  parse: (_value, path) => {
    throw leftOut(what, path);
  },
});

const inside = (path: string, name: string): string => (path === '' ? name : `${path}[${name}]`);

/** Reads a hash against its shape; unknown names first, then values, then what is missing. */
export const parseHash = <S extends Shape>(shape: S, form: FormHash, path = ''): Values<S> => {
  const unknown = Object.keys(form).filter((name) => !Object.hasOwn(shape, name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => inside(path, name));
    throw invalidRequest(`Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`, {
      code: 'parameter_unknown',
      ...(names[0] ? { param: names[0] } : {}),
    });
  }
  const values: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(shape)) {
    const given = form[name];
    if (given !== undefined) values[name] = param.parse(given, inside(path, name));
    else if (param.isRequired)
      throw invalidRequest(`Missing required param: ${inside(path, name)}.`, {
        code: 'parameter_missing',
        param: inside(path, name),
      });
  }
  return values as Values<S>;
};

/** A nested hash with its own names. */
export const hash = <S extends Shape>(shape: S): Param<Values<S>> => ({
  parse: (value, path) => {
    if (typeof value === 'string') throw invalidRequest('Invalid object', { param: path });
    return parseHash(shape, value, path);
  },
});

/** Changes to metadata: a text sets a key, null deletes it; null for the whole deletes all keys. */
export type MetadataChange = Record<string, string | null> | null;

/** Metadata: 50 keys of 40 characters, values of 500 (Stripe: "Metadata"). */
export const metadata: Param<MetadataChange> = {
  parse: (value, path) => {
    if (value === '') return null;
    if (typeof value === 'string') throw invalidRequest('Invalid object', { param: path });
    const changes: Record<string, string | null> = {};
    for (const [key, content] of Object.entries(value)) {
      const at = inside(path, key);
      if (key.length > 40)
        throw invalidRequest(
          `Metadata keys can have up to 40 characters, but you passed in a key that is ${key.length} characters. Invalid key: ${key}`,
          { param: path },
        );
      if (typeof content !== 'string') throw invalidRequest('Invalid string: {...}', { param: at });
      if (content.length > 500)
        throw invalidRequest(
          `Metadata values can have up to 500 characters, but you passed in a value that is ${content.length} characters. Invalid value: ${content}`,
          { param: at },
        );
      changes[key] = content === '' ? null : content;
    }
    return changes;
  },
};

/** Merges changes into metadata; throws when more than 50 keys would be left. */
export const withMetadata = (
  current: Record<string, string>,
  changes: MetadataChange | undefined,
): Record<string, string> => {
  if (changes === undefined) return current;
  if (changes === null) return {};
  const merged = { ...current };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  if (Object.keys(merged).length > 50) throw invalidRequest('Metadata can have up to 50 keys.', { param: 'metadata' });
  return merged;
};

const range = hash({ gt: integer(), gte: integer(), lt: integer(), lte: integer() });
/** A point in time or a range of times, in seconds. */
export type CreatedFilter = number | Values<Readonly<Record<'gt' | 'gte' | 'lt' | 'lte', Param<number>>>>;
export const createdFilter: Param<CreatedFilter> = {
  parse: (value, path) => (typeof value === 'string' ? integer().parse(value, path) : range.parse(value, path)),
};

/** What every list endpoint takes (Stripe: "Pagination"). */
export const pageParams = {
  limit: {
    parse: (value: FormValue, path: string): number => {
      const limit = integer().parse(value, path);
      if (limit < 1 || limit > 100)
        throw invalidRequest(
          limit < 1 ? 'This value must be greater than or equal to 1.' : 'Limit must be between 1 and 100.',
          { param: path, code: 'parameter_invalid_integer' },
        );
      return limit;
    },
  },
  starting_after: text,
  ending_before: text,
  expand: listOf(text),
} as const satisfies Shape;

/** What every other endpoint takes (Stripe: "Expanding responses"). */
export const expandParam = { expand: listOf(text) } as const satisfies Shape;

const optionalText = clearable(text);
const addressShape = {
  city: optionalText,
  country: optionalText,
  line1: optionalText,
  line2: optionalText,
  postal_code: optionalText,
  state: optionalText,
} as const;
export const address = hash(addressShape);
export type AddressValues = Values<typeof addressShape>;
/** A complete address object: what isn't given is null. */
export const fullAddress = (values: AddressValues | null | undefined) => ({
  city: values?.city ?? null,
  country: values?.country ?? null,
  line1: values?.line1 ?? null,
  line2: values?.line2 ?? null,
  postal_code: values?.postal_code ?? null,
  state: values?.state ?? null,
});

const shippingShape = {
  address: required(address),
  name: required(text),
  carrier: text,
  phone: text,
  tracking_number: text,
} as const;
export const shipping = hash(shippingShape);
export type ShippingValues = Values<typeof shippingShape>;
/** A complete shipping object of payment intents and charges. */
export const fullShipping = (values: ShippingValues | null | undefined) =>
  values
    ? {
        address: fullAddress(values.address),
        carrier: values.carrier ?? null,
        name: values.name,
        phone: values.phone ?? null,
        tracking_number: values.tracking_number ?? null,
      }
    : null;

const billingShape = {
  address: clearable(address),
  email: optionalText,
  name: optionalText,
  phone: optionalText,
  tax_id: optionalText,
} as const;
export const billingDetails = hash(billingShape);
export type BillingValues = Values<typeof billingShape>;
/** Complete billing details: what isn't given is null. */
export const fullBillingDetails = (values: BillingValues | null | undefined) => ({
  address: fullAddress(values?.address),
  email: values?.email ?? null,
  name: values?.name ?? null,
  phone: values?.phone ?? null,
  tax_id: values?.tax_id ?? null,
});
