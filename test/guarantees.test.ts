import fs from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (file: string): string => fs.readFileSync(new URL(file, root), 'utf8');

/** A title as it stands in a source, whichever way its quotes are written. */
const plain = (text: string): string => text.replaceAll(/\\?['’]/g, "'");

test('every promise of docs/guarantees.md names a test that exists', () => {
  const rows = [...read('docs/guarantees.md').matchAll(/\| `(?<file>test\/[\w./-]+)`: (?<title>.+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(50);
  for (const { groups } of rows)
    expect
      .soft(plain(read(groups?.['file'] ?? '')), groups?.['file'])
      .toContain(plain(groups?.['title'] ?? 'no title'));
});
