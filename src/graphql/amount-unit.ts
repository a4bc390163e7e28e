import type { Builder } from './builder.js';

/** Defines how an order table's amount column counts. */
export const defineAmountUnit = (builder: Builder) =>
  builder.enumType('AmountUnit', {
    description: "MINOR: whole smallest units of the currency, 1000. MAJOR: the currency's own unit, 10.00.",
    values: { MINOR: { value: 'minor' }, MAJOR: { value: 'major' } } as const,
  });
