import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CURRENCIES, type Currency } from '../../src/core/currencies.js';
import { AmountInvalidError, BadUserInputError, CurrencyUnsupportedError } from '../../src/core/errors.js';
import {
  assertChargeable,
  assertRefundAmount,
  findCurrency,
  formatMoney,
  parseMinorUnits,
} from '../../src/core/money.js';

const currencies = [...CURRENCIES.values()];
const anyCurrency = fc.constantFrom(...currencies);
const anyAmount = fc.integer({ min: 0, max: 999_999_999_999 });
const codesWith = (holds: (currency: Currency) => boolean): string =>
  currencies
    .filter(holds)
    .map(({ code }) => code)
    .sort()
    .join(' ');
const accepts = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(AmountInvalidError);
    return false;
  }
};

test('the smallest units are those that Stripe documents', () => {
  expect(codesWith(({ decimals }) => decimals === 0)).toBe(
    'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF',
  );
  expect(codesWith(({ decimals }) => decimals === 3)).toBe('BHD JOD KWD OMR TND');
  expect(codesWith(({ step }) => step === 10)).toBe('BHD JOD KWD OMR TND');
  expect(codesWith(({ step }) => step === 100)).toBe('ISK UGX');
  expect(currencies.length).toBeGreaterThanOrEqual(135);
});

test('5 UGX is 500, 100.00 USD is 10000, 100 JPY is 100, and 5.120 KWD is 5120', () => {
  expect(formatMoney(500, 'UGX')).toBe('5.00 UGX');
  expect(formatMoney(10_000, 'USD')).toBe('100.00 USD');
  expect(formatMoney(100, 'JPY')).toBe('100 JPY');
  expect(formatMoney(5_120, 'KWD')).toBe('5.120 KWD');
  expect(formatMoney(5, 'USD')).toBe('0.05 USD');
  expect(formatMoney(0, 'JPY')).toBe('0 JPY');
});

describe('for every currency', () => {
  test('a code is found in any case', () => {
    fc.assert(
      fc.property(anyCurrency, fc.boolean(), (currency, lower) => {
        expect(findCurrency(lower ? currency.code.toLowerCase() : currency.code)).toBe(currency);
      }),
    );
  });

  test('what people read is exactly the amount: it reads back to the same smallest units', () => {
    fc.assert(
      fc.property(anyCurrency, anyAmount, ({ code, decimals }, amount) => {
        const [number = '', shownCode] = formatMoney(amount, code).split(' ');
        const [whole = '', fraction = ''] = number.split('.');
        expect(shownCode).toBe(code);
        expect(fraction).toHaveLength(decimals);
        expect(BigInt(whole + fraction)).toBe(BigInt(amount));
      }),
    );
  });

  test('a charge is a multiple of the step, from the minimum to the maximum, and nothing else', () => {
    fc.assert(
      fc.property(anyCurrency, fc.oneof(fc.nat(99_999_999), anyAmount), (currency, amount) => {
        const ok = accepts(() => assertChargeable(amount, currency));
        if (amount % currency.step !== 0 || amount < currency.minimumCharge) expect(ok).toBe(false);
        else if (amount <= 99_999_999) expect(ok).toBe(true);
      }),
    );
    for (const currency of currencies) {
      expect(accepts(() => assertChargeable(currency.minimumCharge, currency))).toBe(true);
      expect(accepts(() => assertChargeable(currency.minimumCharge - currency.step, currency))).toBe(false);
      expect(accepts(() => assertChargeable(1_000_000_000_000 - 100, currency))).toBe(
        currency.code === 'IDR' || currency.code === 'LBP',
      );
    }
  });

  test('a refund is more than nothing and a multiple of the step', () => {
    for (const currency of currencies)
      for (const [amount, ok] of [
        [currency.step, true],
        [0, false],
      ] as const)
        expect(
          accepts(() => assertRefundAmount(amount, currency)),
          `${amount} ${currency.code}`,
        ).toBe(ok);
    fc.assert(
      fc.property(anyCurrency, anyAmount, (currency, amount) => {
        const ok = accepts(() => assertRefundAmount(amount, currency));
        expect(ok).toBe(amount > 0 && amount % currency.step === 0);
      }),
    );
  });

  test('what is left after a refund can be refunded too', () => {
    fc.assert(
      fc.property(anyCurrency, fc.nat(1_000_000), fc.nat(1_000_000), (currency, a, b) => {
        const [received, refunded] = [Math.max(a, b) + 1, Math.min(a, b) + 1].map((n) => n * currency.step);
        const left = (received ?? 0) - (refunded ?? 0);
        if (left > 0) expect(() => assertRefundAmount(left, currency)).not.toThrow();
      }),
    );
  });
});

test('an amount is a whole number of at most 12 digits, as a number or as text', () => {
  fc.assert(
    fc.property(anyAmount, (amount) => {
      expect(parseMinorUnits(amount)).toBe(amount);
      expect(parseMinorUnits(String(amount))).toBe(amount);
    }),
  );
  for (const wrong of [-1, 0.5, 1e12, Number.NaN, '', ' 1', '1.0', '1e3', '+1', null, undefined, {}, [1], true])
    expect(() => parseMinorUnits(wrong)).toThrow(BadUserInputError);
});

test('a code that Stripe has no currency for is refused by its name', () => {
  for (const code of ['', 'XXX', 'BTC', 'US', 'DOLLAR'])
    expect(() => findCurrency(code)).toThrow(CurrencyUnsupportedError);
});

/** Source: Stripe docs, "Supported currencies": eight digits, and those that have more. */
const LARGEST: Readonly<Record<string, number>> = {
  USD: 99_999_999,
  EUR: 99_999_999,
  COP: 9_999_999_999,
  HUF: 9_999_999_999,
  IDR: 999_999_999_999,
  INR: 999_999_999,
  JPY: 9_999_999_999,
  LBP: 999_999_999_999,
};

test.each(Object.entries(LARGEST))('the largest charge in %s is %i, and nothing more', (code, largest) => {
  const currency = findCurrency(code);
  expect(accepts(() => assertChargeable(largest, currency))).toBe(true);
  expect(accepts(() => assertChargeable(largest + currency.step, currency))).toBe(false);
});

test('what is kept in a currency that Stripe has no more is read with two decimals', () => {
  expect(formatMoney(1_050, 'XXX')).toBe('10.50 XXX');
});

test('anything at all as an amount is a whole number that reads back to itself, or refused by its name', () => {
  const any = fc.oneof(
    fc.jsonValue(),
    fc.anything(),
    fc.double(),
    fc.bigInt(),
    fc.string(),
    fc.stringMatching(/^\d{1,14}$/),
  );
  fc.assert(
    fc.property(any, (value) => {
      try {
        const amount = parseMinorUnits(value);
        expect(Number.isSafeInteger(amount) && amount >= 0 && amount < 1e12).toBe(true);
        expect(parseMinorUnits(amount)).toBe(amount);
      } catch (error) {
        expect(error).toBeInstanceOf(BadUserInputError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('any text as a currency is one of Stripe’s, or refused by its name', () => {
  const any = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[a-zA-Z]{3}$/),
    fc.constantFrom('__proto__', 'constructor', 'toString'),
  );
  fc.assert(
    fc.property(any, (code) => {
      try {
        expect(CURRENCIES.get(findCurrency(code).code)).toBe(findCurrency(code));
      } catch (error) {
        expect(error).toBeInstanceOf(CurrencyUnsupportedError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('any number as a charge or a refund is taken or refused by its name', () => {
  const any = fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger());
  fc.assert(
    fc.property(any, anyCurrency, (amount, currency) => {
      for (const check of [assertChargeable, assertRefundAmount])
        if (accepts(() => check(amount, currency))) expect(amount > 0 && amount % currency.step === 0).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
