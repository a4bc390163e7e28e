import { expect, test } from 'vitest';
import { BACKOFF, waitSeconds } from '../../src/core/backoff.js';

/** The shortest and the longest of many waits, as far as the quarter of chance lets them be. */
const range = (attempts: number, backoff = BACKOFF) => {
  const waits = Array.from({ length: 2_000 }, () => waitSeconds(attempts, backoff));
  return { least: Math.min(...waits), most: Math.max(...waits) };
};

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [5, 16],
  [12, 2_048],
  [13, 3_600],
  [4_000, 3_600],
])('after %d attempts the wait is %d s, a quarter more or less', (attempts, seconds) => {
  const { least, most } = range(attempts);
  expect(least).toBeGreaterThanOrEqual(0.75 * seconds);
  expect(least).toBeLessThan(0.8 * seconds);
  expect(most).toBeLessThan(1.25 * seconds);
  expect(most).toBeGreaterThan(1.2 * seconds);
});

test('a wait without an end of its own stays a number', () => {
  const { most } = range(5_000, { firstWaitSeconds: 1, longestWaitSeconds: Number.POSITIVE_INFINITY });
  expect(most).toBeLessThan(1.25 * 2 ** 30);
  expect(most).toBeGreaterThan(2 ** 30);
});
