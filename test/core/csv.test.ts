import { expect, test } from 'vitest';
import { type Cell, csvLine } from '../../src/core/csv.js';

test.each<[Cell, string]>([
  ['a', 'a'],
  ['', ''],
  [null, ''],
  [undefined, ''],
  [-5, '-5'],
  [true, 'true'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  ['a,b', '"a,b"'],
  ['a "b"', '"a ""b"""'],
  ['a\nb', '"a\nb"'],
  ['=1+1', "'=1+1"],
  ['-5', "'-5"],
  ['@a,b', '"\'@a,b"'],
  ['a=1', 'a=1'],
])('%j is the cell %j', (cell, text) => {
  expect(csvLine([cell, 'z'])).toBe(`${text},z\r\n`);
});
