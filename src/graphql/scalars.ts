import { type GraphQLScalarLiteralParser, Kind, valueFromASTUntyped } from 'graphql';
import { BadUserInputError } from '../core/errors.js';
import { parseMinorUnits } from '../core/money.js';
import type { Builder } from './builder.js';

/** Defines the contract's own scalars. A value of the wrong form is BAD_USER_INPUT, as a literal and as a variable. */
export const defineScalars = (builder: Builder): void => {
  builder.scalarType('MinorUnits', {
    description:
      "A whole number of the currency's smallest unit: 10000 is 100.00 USD, 100 is 100 JPY. Takes a number or a numeric string, gives a number; refuses fractions, negatives and more than 12 digits (BAD_USER_INPUT).",
    serialize: parseMinorUnits,
    parseValue: parseMinorUnits,
    parseLiteral: strictLiteral([Kind.INT, Kind.STRING], parseMinorUnits),
  });
  builder.scalarType('CurrencyCode', {
    description: 'ISO 4217 code that Stripe can charge in, any case in, upper case out.',
    serialize: parseCurrencyCode,
    parseValue: parseCurrencyCode,
  });
  builder.scalarType('DateTime', { description: 'RFC 3339, UTC.', serialize: showTime, parseValue: parseTime });
  builder.scalarType('JSON', { serialize: (value) => value, parseValue: (value) => value });
};

/** A literal keeps its own text, so that 1.0 or 1e3 is not taken for a whole number. */
const strictLiteral =
  <Value>(kinds: readonly Kind[], parse: (value: unknown) => Value): GraphQLScalarLiteralParser<Value> =>
  (node, variables) =>
    parse(
      kinds.includes(node.kind) && 'value' in node ? node.value : { literal: valueFromASTUntyped(node, variables) },
    );

/** Whether Stripe can charge in it is the domain's question (CURRENCY_UNSUPPORTED). */
const parseCurrencyCode = (value: unknown): string => {
  if (typeof value !== 'string' || !/^[a-z]{2,8}$/i.test(value))
    throw new BadUserInputError('A currency is an ISO 4217 code of three letters, such as "USD", "EUR" or "JPY".');
  return value.toUpperCase();
};

const showTime = (value: Date | string): string => new Date(value).toISOString();

/** RFC 3339, section 5.6: date, time and offset, all of them. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

const parseTime = (value: unknown): Date => {
  const time = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : undefined;
  if (time === undefined || Number.isNaN(time.getTime()))
    throw new BadUserInputError('A time is written as in RFC 3339, such as "2026-01-31T12:00:00Z".');
  return time;
};
