import { invalidRequest } from './errors.js';

const SUPPORTED = new Set(
  `usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std svc szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw`.split(
    ' ',
  ),
);

const ZERO_DECIMAL = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DECIMAL = new Set('bhd jod kwd omr tnd'.split(' '));
/** Two decimals for compatibility, which must be 00 (Stripe: "Supported currencies", special cases). */
const WHOLE_ONLY = new Set(['isk', 'ugx']);

/** Smallest charge in minor units (Stripe: "Minimum and maximum charge amounts"). */
const MINIMUM: Readonly<Record<string, number>> = {
  usd: 50,
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17500,
  inr: 50,
  jpy: 50,
  mxn: 1000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1000,
};
const SYMBOLS: Readonly<Record<string, string>> = {
  usd: '$',
  cad: '$',
  aud: '$',
  nzd: '$',
  eur: '€',
  gbp: '£',
  jpy: '¥',
  inr: '₹',
};
/** Largest charge in minor units: eight digits, and more in these (Stripe: "Minimum and maximum charge amounts"). */
const MOST = 99_999_999;
const MOST_IN: Readonly<Record<string, number>> = {
  cop: 9_999_999_999,
  huf: 9_999_999_999,
  idr: 999_999_999_999,
  inr: 999_999_999,
  jpy: 9_999_999_999,
  lbp: 999_999_999_999,
};

const decimals = (currency: string): number => (ZERO_DECIMAL.has(currency) ? 0 : THREE_DECIMAL.has(currency) ? 3 : 2);

/** `$10.00`, `¥500`: how Stripe writes amounts (minor units) in messages. */
export const money = (amount: number, currency: string): string => {
  const places = decimals(currency);
  return `${SYMBOLS[currency] ?? ''}${(amount / 10 ** places).toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places })}`;
};

/** The currency in lower case; throws for one that Stripe doesn't take (Stripe: "Supported currencies"). */
export const checkCurrency = (currency: string): string => {
  const code = currency.toLowerCase();
  if (!SUPPORTED.has(code))
    throw invalidRequest(
      `Invalid currency: ${code}. Stripe currently supports these currencies: ${[...SUPPORTED].join(', ')}`,
      { param: 'currency' },
    );
  return code;
};

/** The smallest charge in minor units (Stripe: "Minimum and maximum charge amounts"). */
export const minimumCharge = (currency: string): number => MINIMUM[currency] ?? 1;

/** Throws unless a charge of this amount (minor units) is possible (Stripe: "Supported currencies", "Error codes"). */
export const checkChargeAmount = (amount: number, currency: string, param = 'amount'): void => {
  const most = MOST_IN[currency] ?? MOST;
  if (amount > most)
    throw invalidRequest(`Amount must be no more than ${money(most, currency)}`, { code: 'amount_too_large', param });
  const least = minimumCharge(currency);
  if (amount < least)
    throw invalidRequest(`Amount must be at least ${money(least, currency)} ${currency}`, {
      code: 'amount_too_small',
      param,
    });
  const step = THREE_DECIMAL.has(currency) ? 10 : WHOLE_ONLY.has(currency) ? 100 : 1;
  if (amount % step !== 0)
    throw invalidRequest(`Invalid amount: charges in ${currency.toUpperCase()} must be a multiple of ${step}.`, {
      code: 'parameter_invalid_integer',
      param,
    });
};
