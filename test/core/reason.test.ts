import { expect, test } from 'vitest';
import { readReason } from '../../src/core/reason.js';

test('a reason is kept without the space around it, and has 500 characters at most', () => {
  for (const none of [undefined, null, '', '  \n']) expect(readReason(none)).toBeUndefined();
  expect(readReason(' the customer asked ')).toBe('the customer asked');
  expect(readReason(` ${'x'.repeat(500)} `)).toHaveLength(500);
  expect(() => readReason('x'.repeat(501))).toThrow('at most 500');
});
