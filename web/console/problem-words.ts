import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import type { Language } from '../ui/words.js';

type Meanings = Readonly<Record<string, string>>;

const LOADERS: Readonly<Record<Language, () => Promise<Meanings>>> = {
  en: async () => ({}),
  de: async () => (await import('./problems-de.js')).GERMAN_PROBLEMS,
  fr: async () => (await import('./problems-fr.js')).FRENCH_PROBLEMS,
};

/** Says what a problem's code means and asks for, where the server says it in another language than the reader's. */
export const useProblemMeanings = (): ((code: string) => string | undefined) => {
  const { language } = useLanguage();
  const { value } = useLoaded(`problems in ${language}`, LOADERS[language]);
  return (code) => value?.[code];
};
