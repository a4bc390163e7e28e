import { createContext, type ReactNode, useContext, useInsertionEffect, useMemo } from 'react';
import { forgetSecrets } from './address.js';
import type { Client } from './client.js';
import { adoptStyles } from './styles.js';
import { type Texts, textsOf } from './texts.js';

/** What the components and hooks below a provider share. */
export interface Surroundings {
  readonly client: Client;
  /** BCP 47: for money, dates and the texts. */
  readonly locale: string;
  readonly texts: Texts;
  /** Stripe's "appearance" of its Payment Element. */
  readonly appearance: Readonly<Record<string, unknown>> | undefined;
}

const Current = createContext<Surroundings | undefined>(undefined);

/**
 * Gives what is inside a client. `locale` decides texts (English, German and French are there) and how money is written;
 * `texts` replaces single texts. A client secret that Stripe left in the address is taken out of it.
 */
export const TollgateProvider = (props: {
  readonly client: Client;
  readonly locale?: string;
  readonly texts?: Partial<Texts>;
  readonly appearance?: Readonly<Record<string, unknown>>;
  readonly children: ReactNode;
}) => {
  const { client, locale = 'en', texts, appearance, children } = props;
  const surroundings = useMemo(
    () => ({ client, locale, texts: textsOf(locale, texts), appearance }),
    [client, locale, texts, appearance],
  );
  useInsertionEffect(() => {
    adoptStyles(document);
    forgetSecrets();
  }, []);
  return <Current.Provider value={surroundings}>{children}</Current.Provider>;
};

/** What the nearest provider gives. */
export const useSurroundings = (): Surroundings => {
  const surroundings = useContext(Current);
  if (!surroundings) throw new Error('Put a <TollgateProvider client={…}> around this component.');
  return surroundings;
};
