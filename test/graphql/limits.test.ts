import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS, LIMIT_VARIABLES, type Limits } from '../../src/graphql/limits.js';

test('the page of limits names each variable with its default', () => {
  const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    const row = page.split('\n').find((line) => line.includes(`\`${LIMIT_VARIABLES[name]}\``));
    expect(row?.split('|')[2]?.trim().split(' ')[0], name).toBe(String(DEFAULT_LIMITS[name]));
  }
});
