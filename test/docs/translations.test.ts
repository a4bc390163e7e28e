import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/core/errors.js';
import { PROBLEM_CODES } from '../../src/installation/problems.js';
import { GERMAN_PROBLEMS } from '../../web/console/problems-de.js';
import { FRENCH_PROBLEMS } from '../../web/console/problems-fr.js';
import { GERMAN_CODES } from '../../web/ui/codes-de.js';
import { FRENCH_CODES } from '../../web/ui/codes-fr.js';

const sorted = (codes: readonly string[]): string[] => [...codes].sort();

// UNREACHABLE is the client package's own.
const ERRORS = [...ERROR_CODES, 'UNREACHABLE'];

test.for([
  [ERRORS.length, 'errors', ERRORS, GERMAN_CODES, FRENCH_CODES, 42],
  [PROBLEM_CODES.length, 'problems', PROBLEM_CODES, GERMAN_PROBLEMS, FRENCH_PROBLEMS, 50],
] as const)('the console says each of %i codes of %s in German and French', ([, , codes, german, french, least]) => {
  expect(Object.keys(german).sort()).toEqual(sorted(codes));
  expect(Object.keys(french).sort()).toEqual(sorted(codes));
  // What is copied isn't translated.
  for (const code of codes) expect(german[code]).not.toBe(french[code]);
  expect(codes.length).toBeGreaterThanOrEqual(least);
});
