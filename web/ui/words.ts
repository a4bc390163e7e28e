import type { GERMAN } from './texts-de.js';

/** A text of the pages: its English wording. Each has a German and a French one, or the pages don't compile. */
export type Text = keyof typeof GERMAN;

export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français' } as const;
export type Language = keyof typeof LANGUAGES;

/** What is said in one language. */
export interface Words {
  readonly texts: Readonly<Record<string, string>>;
  /** What each code of an error means. */
  readonly codes: Readonly<Record<string, string>>;
}

/** English is spoken by the pages and by the server themselves. */
export const ENGLISH: Words = { texts: {}, codes: {} };

const LOADERS: Readonly<Record<Language, () => Promise<Words>>> = {
  en: async () => ENGLISH,
  de: async () => {
    const [{ GERMAN }, { GERMAN_CODES }] = await Promise.all([import('./texts-de.js'), import('./codes-de.js')]);
    return { texts: GERMAN, codes: GERMAN_CODES };
  },
  fr: async () => {
    const [{ FRENCH }, { FRENCH_CODES }] = await Promise.all([import('./texts-fr.js'), import('./codes-fr.js')]);
    return { texts: FRENCH, codes: FRENCH_CODES };
  },
};

const KEPT = 'tollgate-language';

const isLanguage = (name: string | null | undefined): name is Language =>
  name != null && Object.hasOwn(LANGUAGES, name);

/** The language that was chosen here before, else the browser's, else English. */
export const firstLanguage = (): Language => {
  const kept = localStorage.getItem(KEPT);
  const names = [kept, ...navigator.languages.map((name) => name.split('-')[0])];
  return names.find(isLanguage) ?? 'en';
};

/** The words of a language; asked for again, they are there. */
export const loadWords = (language: Language): Promise<Words> =>
  // Without its file, English still says what is needed.
  LOADERS[language]().catch(() => ENGLISH);

/** The next visit begins in this language. */
export const keepLanguage = (language: Language): void => localStorage.setItem(KEPT, language);
