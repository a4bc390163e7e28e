import { expect, test } from 'vitest';
import { faultOfText, findTextFault } from '../../src/core/text.js';

const HALF = /half of a surrogate pair/;

test('a text can be stored unless it has a NUL or half of a surrogate pair', () => {
  for (const good of ['', 'ä', '😀', 'a😀b']) expect(faultOfText(good), good).toBeUndefined();
  expect(faultOfText('a\0')).toMatch(/NUL/);
  for (const half of ['\uD83D', '\uDE00', 'a\uD83Db', '\uDE00\uD83D']) expect(faultOfText(half)).toMatch(HALF);
});

test('a fault in a value of JSON is named by where it stands, the first one only', () => {
  for (const good of [null, 7, true, 'a', [], {}, { a: ['b', { c: null }] }])
    expect(findTextFault(good)).toBeUndefined();
  expect(findTextFault('\0')).toMatchObject({ path: '' });
  expect(findTextFault('\0', 'note')).toMatchObject({ path: 'note' });
  expect(findTextFault({ input: { notes: ['a', '\0', '\uD83D'] } })).toEqual({
    path: 'input.notes.1',
    fault: 'the character NUL (U+0000)',
  });
  expect(findTextFault({ metadata: { '\uD83D': 'a' } })).toEqual({
    path: 'metadata',
    fault: 'a name with half of a surrogate pair (U+D800 to U+DFFF)',
  });
});
