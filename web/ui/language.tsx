import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { formatMoney } from 'tollgate-client';
import type { GERMAN } from './texts-de.js';

/** A text of the pages: its English wording. Each has a German and a French one, or the pages don't compile. */
export type Text = keyof typeof GERMAN;

/** What may stand in the place of a `{name}`. */
export type Values = Readonly<Record<string, string | number>>;

export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français' } as const;
export type Language = keyof typeof LANGUAGES;

interface Words {
  readonly texts: Readonly<Record<string, string>>;
  /** What each code of an error means. */
  readonly codes: Readonly<Record<string, string>>;
}

/** English is spoken by the pages and by the server themselves. */
const ENGLISH: Words = { texts: {}, codes: {} };

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

interface Speech extends Words {
  readonly language: Language;
  readonly choose: (language: Language) => void;
}

const Current = createContext<Speech>({ language: 'en', ...ENGLISH, choose: () => undefined });

const KEPT = 'tollgate-language';

const isLanguage = (name: string | null | undefined): name is Language =>
  name != null && Object.hasOwn(LANGUAGES, name);

/** The language that was chosen here before, else the browser's, else English. */
const firstLanguage = (): Language => {
  const kept = localStorage.getItem(KEPT);
  const names = [kept, ...navigator.languages.map((name) => name.split('-')[0])];
  return names.find(isLanguage) ?? 'en';
};

/** Gives what is inside its language; nothing is shown before its texts are there. */
export const LanguageProvider = ({ children }: { readonly children: ReactNode }) => {
  const [language, setLanguage] = useState(firstLanguage);
  const [loaded, setLoaded] = useState<Omit<Speech, 'choose'>>();
  useEffect(() => {
    let isCurrent = true;
    document.documentElement.lang = language;
    // Without its file, English still says what is needed.
    LOADERS[language]()
      .catch(() => ENGLISH)
      .then((words) => isCurrent && setLoaded({ language, ...words }));
    return () => {
      isCurrent = false;
    };
  }, [language]);
  const speech = useMemo(
    () =>
      loaded && {
        ...loaded,
        choose: (next: Language) => {
          localStorage.setItem(KEPT, next);
          setLanguage(next);
        },
      },
    [loaded],
  );
  return speech && <Current value={speech}>{children}</Current>;
};

const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => `${values[name] ?? whole}`);

/** How the reader is spoken to. */
export const useLanguage = () => {
  const { language, texts, codes, choose } = useContext(Current);
  return useMemo(() => {
    const t = (text: Text, values: Values = {}): string => fill(texts[text] ?? text, values);
    const numbers = new Intl.PluralRules(language);
    return {
      language,
      choose,
      /** A text in the reader's language. */
      t,
      /** What an error's code means, where the server says it in another language than the reader's. */
      meaningOf: (code: string): string | undefined => codes[code],
      /** One text or the other, as the count asks for; `{count}` is the count. */
      plural: (count: number, one: Text, many: Text): string =>
        t(numbers.select(count) === 'one' ? one : many, { count: new Intl.NumberFormat(language).format(count) }),
      /** An amount in smallest units as the reader writes it. */
      money: (amount: number, currency: string): string => formatMoney(amount, currency, language),
    };
  }, [language, texts, codes, choose]);
};

/** A text in the reader's language. */
export const useT = () => useLanguage().t;
