import { expect, test } from 'vitest';
import { decimalsOf, formatMoney, parseMoney, toFieldText } from '../../client/src/money.js';
import { CURRENCIES } from '../../src/core/currencies.js';

test('pages count the decimals of every currency as the server does', () => {
  for (const { code, decimals } of CURRENCIES.values()) expect([code, decimalsOf(code)]).toEqual([code, decimals]);
});

test('what a page shows in a field reads back as the same amount', () => {
  for (const [amount, currency, text] of [
    [1_800, 'USD', '18.00'],
    [5, 'USD', '0.05'],
    [2_400, 'JPY', '2400'],
    [1_230, 'KWD', '1.230'],
  ] as const) {
    expect(toFieldText(amount, currency)).toBe(text);
    expect(parseMoney(text, currency)).toBe(amount);
  }
  expect(formatMoney(1_800, 'USD')).toBe('$18.00');
});

test('what is no amount of the currency is none', () => {
  for (const [text, currency] of [
    ['', 'USD'],
    ['0', 'USD'],
    ['-5', 'USD'],
    ['1.234', 'USD'],
    ['12.5', 'JPY'],
    ['1e3', 'USD'],
    ['ten', 'USD'],
  ] as const)
    expect(parseMoney(text, currency)).toBeUndefined();
});
