/**
 * Stripe's presentment currencies and how each counts its smallest unit.
 * Source: Stripe docs, "Supported currencies" (zero-decimal, three-decimal and special cases).
 */
const ZERO_DECIMAL = 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF';
/** The last digit must be 0: Stripe rounds to two decimals. */
const THREE_DECIMAL = 'BHD JOD KWD OMR TND';
/** Two decimals that must be 00: 5 UGX is 500. */
const WHOLE_UNITS_ONLY = 'ISK UGX';
const TWO_DECIMAL =
  'USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP ' +
  'CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR ' +
  'KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP ' +
  'PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UYU UZS ' +
  'WST XCD XCG YER ZAR ZMW';

/** How Stripe counts one currency. */
export interface Currency {
  /** ISO 4217, upper case. */
  readonly code: string;
  /** Decimals of the smallest unit: 2 for USD (cents), 0 for JPY, 3 for KWD. */
  readonly decimals: 0 | 2 | 3;
  /** Amounts must be a multiple of this many smallest units: 10 for KWD, 100 for ISK. */
  readonly step: 1 | 10 | 100;
  /** The smallest charge, in smallest units, where Stripe documents one; otherwise one step. */
  readonly minimumCharge: number;
}

/** Stripe docs, "Supported currencies", minimum and maximum charge amounts; in smallest units. */
const MINIMUM_CHARGE: Readonly<Record<string, number>> = {
  USD: 50,
  AED: 200,
  AUD: 50,
  BGN: 100,
  BRL: 50,
  CAD: 50,
  CHF: 50,
  CZK: 1500,
  DKK: 250,
  EUR: 50,
  GBP: 30,
  HKD: 400,
  HUF: 17500,
  INR: 50,
  JPY: 50,
  MXN: 1000,
  MYR: 200,
  NOK: 300,
  NZD: 50,
  PLN: 200,
  RON: 200,
  SEK: 300,
  SGD: 50,
  THB: 1000,
};

const entries = (codes: string, decimals: Currency['decimals'], step: Currency['step']): [string, Currency][] =>
  codes
    .split(' ')
    .map((code) => [code, { code, decimals, step, minimumCharge: MINIMUM_CHARGE[code] ?? step }] as [string, Currency]);

/** All currencies that Stripe can charge in, by upper-case code. */
export const CURRENCIES: ReadonlyMap<string, Currency> = new Map([
  ...entries(TWO_DECIMAL, 2, 1),
  ...entries(ZERO_DECIMAL, 0, 1),
  ...entries(THREE_DECIMAL, 3, 10),
  ...entries(WHOLE_UNITS_ONLY, 2, 100),
]);
