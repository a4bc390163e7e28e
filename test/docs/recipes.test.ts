import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createVersions } from '../../docs/recipes/versions.js';
import { fillPage, PAGES } from '../../scripts/recipe-pages.mjs';

const folder = fileURLToPath(new URL('../../docs/recipes/', import.meta.url));

test('what the recipes’ pages show is what the tests run: node scripts/recipe-pages.mjs writes it', () => {
  for (const page of PAGES) {
    const text = fs.readFileSync(page, 'utf8');
    expect(text, page).toBe(fillPage(text).filled);
  }
});

test('every file of a recipe but its bare page is shown', () => {
  const shown = new Set(PAGES.flatMap((page) => fillPage(fs.readFileSync(page, 'utf8')).files));
  const own = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => !/node_modules|__generated__/.test(file) && /\.(tsx?|vue|svelte|mjs)$/.test(file))
    .filter((file) => file !== 'vite.config.ts');
  expect(own.length).toBeGreaterThan(12);
  expect(own.filter((file) => !shown.has(file))).toEqual([]);
});

test('an answer that was overtaken is asked for again, and a message that was overtaken is dropped', () => {
  const versions = createVersions();
  const list = (...rows: { id: string; version: number }[]) => ({
    payments: { edges: rows.map((node) => ({ node })) },
  });
  const told = (id: string, version: number) => ({ orderPaymentsUpdated: { id, version } });
  const mark = versions.mark();
  expect(versions.takesAnswer(list({ id: '1', version: 1 }), mark)).toBe(true);
  expect(versions.takesMessage(told('1', 1))).toBe(true); // a stream's first row, which is known
  expect(versions.takesAnswer(list({ id: '1', version: 1 }), mark)).toBe(true);
  expect(versions.takesMessage(told('2', 1))).toBe(true);
  expect(versions.takesAnswer(list({ id: '1', version: 1 }), mark)).toBe(false); // it may lack the new row
  expect(versions.takesAnswer(list({ id: '2', version: 4 }, { id: '1', version: 1 }), versions.mark())).toBe(true);
  expect(versions.takesMessage(told('2', 3))).toBe(false);
  expect(versions.takesAnswer(list({ id: '2', version: 3 }), versions.mark())).toBe(false);
});
