import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { formatMoney } from 'tollgate-client';
import { ENGLISH, firstLanguage, keepLanguage, type Language, loadWords, type Text, type Words } from './words.js';

/** What may stand in the place of a `{name}`. */
export type Values = Readonly<Record<string, string | number>>;

interface Speech extends Words {
  readonly language: Language;
  readonly choose: (language: Language) => void;
}

const Current = createContext<Speech>({ language: 'en', ...ENGLISH, choose: () => undefined });

/** Gives what is inside its language; nothing is shown before its texts are there. */
export const LanguageProvider = ({ children }: { readonly children: ReactNode }) => {
  const [language, setLanguage] = useState(firstLanguage);
  const [loaded, setLoaded] = useState<Omit<Speech, 'choose'>>();
  useEffect(() => {
    let isCurrent = true;
    document.documentElement.lang = language;
    void loadWords(language).then((words) => isCurrent && setLoaded({ language, ...words }));
    return () => {
      isCurrent = false;
    };
  }, [language]);
  const speech = useMemo(
    () =>
      loaded && {
        ...loaded,
        choose: (next: Language) => {
          keepLanguage(next);
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
