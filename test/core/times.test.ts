import { expect, test } from 'vitest';
import { stepStart } from '../../src/core/time-steps.js';
import { searchSince, unixSeconds } from '../../src/core/unix-time.js';

const at = (text: string): Date => new Date(`${text}Z`);

test('a span is cut into steps of equal length, which begin where it does and end where it ends', () => {
  const span = { from: at('2026-01-01T00:00'), to: at('2026-01-03T00:00'), steps: 4 };
  expect([0, 1, 4].map((step) => stepStart(span, step))).toEqual([span.from, at('2026-01-01T12:00'), span.to]);
});

test('a span in months begins with the first day of its first one, over the end of a year', () => {
  const span = { from: at('2026-11-20T10:00'), to: at('2027-02-01T00:00'), steps: 'MONTHS' as const };
  expect([0, 1, 2].map((step) => stepStart(span, step))).toEqual(
    ['2026-11-01T00:00', '2026-12-01T00:00', '2027-01-01T00:00'].map(at),
  );
});

test('a time is in whole seconds that have begun; none is before all others', () => {
  expect(unixSeconds(null)).toBe(0);
  expect(unixSeconds(new Date(1_999))).toBe(1);
  expect(searchSince(new Date(3_600_000 + 5_999))).toBe(5);
});
