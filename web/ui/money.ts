/** Source: Stripe docs, "Supported currencies". `Intl` is no help here: it follows what people write, not what Stripe counts. */
const ZERO_DECIMAL = ' BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF ';
const THREE_DECIMAL = ' BHD JOD KWD OMR TND ';

/** Decimals of a currency's smallest unit: 2 for USD, 0 for JPY, 3 for KWD. */
export const decimalsOf = (currency: string): number => {
  if (ZERO_DECIMAL.includes(` ${currency} `)) return 0;
  return THREE_DECIMAL.includes(` ${currency} `) ? 3 : 2;
};

/** An amount in smallest units as people write it: 1800 USD is "$18.00". */
export const formatMoney = (amount: number, currency: string): string => {
  const decimals = decimalsOf(currency);
  return new Intl.NumberFormat('en', {
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
