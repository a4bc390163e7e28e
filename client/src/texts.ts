import { GERMAN } from './texts-de.js';
import { ENGLISH } from './texts-en.js';
import { FRENCH } from './texts-fr.js';

/** Every text of the components. `{amount}` and the like are filled in; a text may leave them out. */
export type Texts = { readonly [Name in keyof typeof ENGLISH]: string };

const SHIPPED: Readonly<Record<string, Texts>> = { en: ENGLISH, de: GERMAN, fr: FRENCH };

/** The texts of a locale, English where its language isn't there, with single ones replaced. */
export const textsOf = (locale: string, replaced: Partial<Texts> = {}): Texts => ({
  ...(SHIPPED[locale.split('-')[0]?.toLowerCase() ?? ''] ?? ENGLISH),
  ...replaced,
});

/** A text with its places filled in. */
export const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

/** The text under a name that is only known at run time, such as a status of a later release. */
export const textOf = (texts: Texts, name: string): string | undefined =>
  (texts as Readonly<Record<string, string | undefined>>)[name];

/** A status in words; a new one as it is. */
export const wordsOf = (texts: Texts, status: string): string => textOf(texts, `status.${status}`) ?? status;
