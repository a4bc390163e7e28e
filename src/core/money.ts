import { CURRENCIES, type Currency } from './currencies.js';
import { AmountInvalidError, BadUserInputError, CurrencyUnsupportedError } from './errors.js';

/** A whole number of the currency's smallest unit: 10000 is 100.00 USD, 100 is 100 JPY. Never negative, at most 12 digits. */
export type MinorUnits = number;

/** The largest amount that Stripe charges in most currencies: eight digits. Source: Stripe docs, "Supported currencies". */
const MAXIMUM_CHARGE = 99_999_999;
/** Currencies with a higher documented maximum than eight digits, in smallest units. */
const HIGHER_MAXIMUM: Readonly<Record<string, MinorUnits>> = {
  COP: 9_999_999_999,
  HUF: 9_999_999_999,
  IDR: 999_999_999_999,
  INR: 999_999_999,
  JPY: 9_999_999_999,
  LBP: 999_999_999_999,
};

/** Takes a number or a numeric string and gives the amount; throws BAD_USER_INPUT for fractions, negatives and more than 12 digits. */
export const parseMinorUnits = (value: unknown): MinorUnits => {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,12}$/.test(text))
    throw new BadUserInputError(
      "An amount is a whole number of the currency's smallest unit, at most 12 digits: 10000 for 100.00 USD, 100 for 100 JPY.",
    );
  return Number(text);
};

/** Writes smallest units in the currency's major unit, as a `numeric` column keeps them: 1050 USD is "10.50", 1050 JPY is "1050". Exact for every whole number. */
export const toMajorUnits = (amount: number, code: string): string => {
  const decimals = CURRENCIES.get(code.toUpperCase())?.decimals ?? 2;
  const digits = String(Math.abs(amount)).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return `${amount < 0 ? '-' : ''}${whole}${decimals > 0 ? `.${digits.slice(-decimals)}` : ''}`;
};

/** Finds a currency by its code in any case; throws CURRENCY_UNSUPPORTED when Stripe has none such. */
export const findCurrency = (code: string): Currency => {
  const currency = CURRENCIES.get(code.toUpperCase());
  if (!currency) throw new CurrencyUnsupportedError(code);
  return currency;
};

/** Checks that the amount is a multiple that Stripe takes in the currency; throws AMOUNT_INVALID. */
export const assertMultiple = (amount: MinorUnits, { code, step }: Currency): void => {
  if (amount % step !== 0)
    throw new AmountInvalidError(
      `An amount in ${code} must be a multiple of ${step} of its smallest unit; ${amount} is not.`,
    );
};

/** Checks that Stripe can refund the amount in the currency: more than nothing, and a multiple that it takes. Throws AMOUNT_INVALID. */
export const assertRefundAmount = (amount: MinorUnits, currency: Currency): void => {
  if (amount <= 0) throw new AmountInvalidError(`A refund of ${amount} gives nothing back; ask for 1 or more.`);
  assertMultiple(amount, currency);
};

/** The largest amount that Stripe charges in a currency, in its smallest units. */
export const largestCharge = (code: string): MinorUnits => HIGHER_MAXIMUM[code] ?? MAXIMUM_CHARGE;

/** Checks that Stripe can charge the amount in the currency; throws AMOUNT_INVALID with what to send instead. */
export const assertChargeable = (amount: MinorUnits, currency: Currency): void => {
  const { code, minimumCharge } = currency;
  assertMultiple(amount, currency);
  if (amount < minimumCharge)
    throw new AmountInvalidError(
      `${formatMoney(amount, code)} is below the smallest charge, ${formatMoney(minimumCharge, code)} (${minimumCharge}).`,
    );
  const maximum = largestCharge(code);
  if (amount > maximum)
    throw new AmountInvalidError(
      `${formatMoney(amount, code)} is above the largest charge, ${formatMoney(maximum, code)} (${maximum}).`,
    );
};

/** Shows smallest units to people: 10000 USD is "100.00 USD", 100 JPY is "100 JPY", -5 USD is "-0.05 USD". Exact for every whole number. */
export const formatMoney = (amount: number, code: string): string => `${toMajorUnits(amount, code)} ${code}`;
