import { DECIMALS } from './tables.js';

/** Decimals of a currency's smallest unit, as Stripe counts: 2 for USD, 0 for JPY, 3 for KWD. `Intl` follows what people write. */
export const decimalsOf = (currency: string): number => DECIMALS[currency] ?? 2;

/** An amount in smallest units as people write it: 1800 USD is "$18.00". `locale`: a BCP 47 tag. */
export const formatMoney = (amount: number, currency: string, locale = 'en'): string => {
  const decimals = decimalsOf(currency);
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(amount / 10 ** decimals);
};

/** An amount in smallest units as a field holds it: 1800 USD is "18.00". */
export const toFieldText = (amount: number, currency: string): string => {
  const decimals = decimalsOf(currency);
  return (amount / 10 ** decimals).toFixed(decimals);
};

/** What a person typed, in smallest units; undefined where it is no amount of this currency. */
export const parseMoney = (text: string, currency: string): number | undefined => {
  const decimals = decimalsOf(currency);
  const match = /^(\d{1,9})(?:[.,](\d*))?$/.exec(text.trim());
  const [, whole = '', part = ''] = match ?? [];
  if (!match || part.length > decimals) return undefined;
  const amount = Number(whole + part.padEnd(decimals, '0'));
  return amount > 0 ? amount : undefined;
};
