/** What stands in place of a secret. */
const REDACTED = '[redacted]';

/** Stripe's own objects are nested less than ten deep. */
const DEEPEST = 64;

/** The body is nested deeper than any of Stripe's objects; a reader would run out of stack. */
export class TooDeepError extends Error {
  constructor() {
    super(`it is nested more than ${DEEPEST} deep`);
    this.name = 'TooDeepError';
  }
}

/** Keys whose values confirm or open something: client secrets, ephemeral keys, signing secrets. */
const SECRET_KEY = /secret/i;
/** Pages of Stripe's that whoever has the address may use: checkout, portal, invoices, authentication. */
const PAGE_KEY = /^(url|.*_url|invoice_pdf)$/;
/** Addresses that the app gave itself, and the receipt's, which the payment's row shows too. */
const KEPT_ADDRESSES = new Set(['success_url', 'cancel_url', 'return_url', 'receipt_url']);

const isSecret = (key: string, value: string): boolean =>
  value.includes('_secret_') ||
  SECRET_KEY.test(key) ||
  (value.startsWith('http') && PAGE_KEY.test(key) && !KEPT_ADDRESSES.has(key) && /^https?:/.test(value));

/** Replaces secrets in place and gives them. What the app itself put into metadata stays. */
const collect = (value: object, found: string[], depth: number): void => {
  if (depth > DEEPEST) throw new TooDeepError();
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const inner = fields[key];
    if (typeof inner === 'string') {
      if (inner === REDACTED || !isSecret(key, inner)) continue;
      found.push(inner);
      fields[key] = REDACTED;
    } else if (typeof inner === 'object' && inner !== null) {
      if (key === 'metadata') assertShallow(inner, depth + 1);
      else collect(inner, found, depth + 1);
    }
  }
};

const assertShallow = (value: object, depth: number): void => {
  if (depth > DEEPEST) throw new TooDeepError();
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) assertShallow(inner, depth + 1);
};

/**
 * Takes everything out of an object that could confirm a payment or open a page, in place, and gives the text that the object was
 * read from without it; undefined where the text spells a secret in a way of its own, so that it must be written anew. Twice
 * changes nothing more.
 *
 * @throws TooDeepError
 */
export const redact = (object: object, text: string): string | undefined => {
  const found: string[] = [];
  collect(object, found, 0);
  let clean = text;
  for (const secret of found) {
    const spelled = JSON.stringify(secret);
    if (!clean.includes(spelled) && text.includes(spelled)) continue; // the same secret, twice
    if (!clean.includes(spelled)) return undefined;
    clean = clean.replaceAll(spelled, JSON.stringify(REDACTED));
  }
  return clean;
};

/** Stripe's keys and secrets, what follows "Bearer", a password before a host, and a value of an address whose name says that it opens something. */
const SECRET_WORDS =
  /\b(?:sk|rk|whsec|tgk)_[\w+/=-]{6,}|\b\w+_secret_\w+|(?<=\b(?:bearer|basic) )[\w.~+/=-]{8,}|(?<=:\/\/[^\s/:@]{0,100}:)[^\s/@]+(?=@)|(?<=[?&][\w-]{0,40}(?:key|token|secret|password|signature|sig)=)[^\s&#"']+/gi;

/** The same for words that somebody else's code wrote, an error's for example: what looks like a secret is taken out. */
export const redactWords = (words: string): string => words.replace(SECRET_WORDS, REDACTED);
