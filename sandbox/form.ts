import { invalidRequest } from './errors.js';

/** A decoded form value: text, or a hash of further values (arrays are hashes with the keys 0, 1, 2 …). */
export type FormValue = string | FormHash;
export interface FormHash {
  [key: string]: FormValue;
}

const KEY = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;
const MAX_PAIRS = 1_000;

const emptyHash = (): FormHash => Object.create(null) as FormHash;

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidRequest(`Invalid percent-encoding in the request: ${text}`);
  }
};

const place = (root: FormHash, parts: readonly string[], value: string, key: string): void => {
  let at = root;
  parts.forEach((part, depth) => {
    const name = part === '' ? String(Object.keys(at).length) : part;
    if (depth === parts.length - 1) {
      at[name] = value;
      return;
    }
    const next = at[name] ?? emptyHash();
    at[name] = next;
    if (typeof next === 'string') throw invalidRequest(`Invalid parameter: ${key} is both a value and a hash`);
    at = next;
  });
};

/** Decodes `application/x-www-form-urlencoded` text with bracketed keys, as Stripe reads it; the last of two equal keys counts. */
export const parseForm = (text: string): FormHash => {
  const root = emptyHash();
  const pairs = text.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_PAIRS) throw invalidRequest(`Too many parameters: ${pairs.length}`);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = decode(equals < 0 ? pair : pair.slice(0, equals));
    const match = KEY.exec(key);
    if (!match) throw invalidRequest(`Invalid parameter name: ${key}`);
    const inner = [...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1] ?? '');
    place(root, [match[1] ?? '', ...inner], decode(equals < 0 ? '' : pair.slice(equals + 1)), key);
  }
  return root;
};

/** One text per set of parameters, whatever their order: what idempotency keys compare. */
export const canonicalForm = (value: FormValue): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : `{${Object.keys(value)
        .sort()
        .map((key) => `${JSON.stringify(key)}:${canonicalForm(value[key] ?? '')}`)
        .join(',')}}`;
