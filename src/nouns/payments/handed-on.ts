import { BadUserInputError } from '../../core/errors.js';

/** What a client may hand on with a payment. */
export interface HandedOnInput {
  /** As it came: see `checkMetadata`. */
  readonly metadata?: unknown;
  readonly receiptEmail?: string;
  readonly statementDescriptorSuffix?: string;
  /** Of Stripe's page. */
  readonly locale?: string;
}

/** The contract's limits; Stripe takes 50 keys, of which ours are some. */
const MOST_KEYS = 20;
const KEY_LENGTH = 40;
const VALUE_LENGTH = 500;
/** What a statement may show beside the account's own name. Source: Stripe docs, "Statement descriptors". */
const SUFFIX = /^(?=.*[A-Za-z])[\x20-\x7e]{1,22}$/;
const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,255}$/;

/** The languages of Stripe's page. Source: Stripe docs, "Create a Checkout Session", `locale`. */
const LOCALES: ReadonlySet<string> = new Set(
  `auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr
    vi zh zh-HK zh-TW`.split(/\s+/),
);

const refuse = (message: string): never => {
  throw new BadUserInputError(message);
};

const checkEntry = ([key, value]: [string, unknown]): [string, string] => {
  const shown = key.slice(0, KEY_LENGTH + 1);
  if (key === '' || key.length > KEY_LENGTH || /[[\]\0]/.test(key))
    refuse(`The metadata key "${shown}" must have 1 to ${KEY_LENGTH} characters and no brackets.`);
  if (key.startsWith('tollgate_')) refuse(`The metadata key "${shown}" is reserved: choose one without "tollgate_".`);
  if (typeof value !== 'string')
    return refuse(`The metadata of "${shown}" must be a string: metadata is a flat map of strings.`);
  if (value.length > VALUE_LENGTH || value.includes('\0'))
    refuse(`The metadata of "${shown}" must have at most ${VALUE_LENGTH} characters.`);
  return [key, value];
};

/**
 * Gives metadata as a flat map of strings, its keys in order.
 *
 * @throws BadUserInputError naming the key that is too long, reserved, or holds anything but a short string
 */
const checkMetadata = (metadata: unknown): Record<string, string> => {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return refuse('metadata must be a flat map of strings, such as {"cart": "81"}.');
  const entries = Object.entries(metadata);
  const extra = entries[MOST_KEYS];
  if (extra)
    refuse(
      `metadata has at most ${MOST_KEYS} keys; "${extra[0].slice(0, KEY_LENGTH)}" is one more of ${entries.length}.`,
    );
  return Object.fromEntries(entries.map(checkEntry).sort(([a], [b]) => (a < b ? -1 : 1)));
};

/**
 * Checks what is handed on to Stripe, so that a mistake is told before anything is written.
 *
 * @throws BadUserInputError naming the field or the key
 */
export const checkHandedOn = (input: HandedOnInput, mode: 'ELEMENTS' | 'CHECKOUT'): HandedOnInput => {
  const { metadata, receiptEmail, statementDescriptorSuffix: suffix, locale } = input;
  if (receiptEmail !== undefined && !EMAIL.test(receiptEmail)) refuse('receiptEmail must be one address of e-mail.');
  if (suffix !== undefined && (!SUFFIX.test(suffix) || /[<>\\'"*]/.test(suffix)))
    refuse(
      'statementDescriptorSuffix must have 1 to 22 plain characters, a letter among them, and none of < > \\ \' " *.',
    );
  if (locale !== undefined && mode !== 'CHECKOUT')
    refuse('locale belongs to the mode CHECKOUT; leave it out with ELEMENTS, where Stripe.js has its own.');
  if (locale !== undefined && !LOCALES.has(locale))
    refuse(`Stripe's page knows no locale "${locale.slice(0, 20)}"; it knows ${[...LOCALES].join(', ')}.`);
  return metadata === undefined ? {} : { metadata: checkMetadata(metadata) };
};

/** What an open attempt has of it. */
interface Carried {
  readonly metadata: Readonly<Record<string, string>>;
  readonly receiptEmail: string | null;
  readonly statementDescriptorSuffix: string | null;
  readonly locale: string | null;
}

const sorted = (map: unknown): string =>
  JSON.stringify(Object.entries(map as object).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Whether an attempt carries all that a request hands on; what the request leaves out doesn't count. */
export const carries = (attempt: Carried, { metadata, ...fields }: HandedOnInput): boolean =>
  (metadata === undefined || sorted(metadata) === sorted(attempt.metadata)) &&
  (['receiptEmail', 'statementDescriptorSuffix', 'locale'] as const).every(
    (name) => fields[name] === undefined || fields[name] === attempt[name],
  );
