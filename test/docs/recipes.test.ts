import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
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
    .filter((file) => !file.split(path.sep).includes('node_modules') && /\.(tsx?|vue|svelte|mjs)$/.test(file))
    .filter((file) => file !== 'vite.config.ts');
  expect(own.length).toBeGreaterThan(3);
  expect(own.filter((file) => !shown.has(file))).toEqual([]);
});
