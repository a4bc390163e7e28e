import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.js';
import { NOUNS } from '../../src/nouns.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
const pages = fs
  .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
  .map((file) => path.join('docs', file));
const ALL = ['README.md', 'CONTRIBUTING.md', 'client/README.md', 'llms.txt', ...pages];

const blocks = (language: string): { place: string; text: string }[] =>
  ALL.flatMap((page) =>
    [...read(page).matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))].map(
      ({ 1: text = '' }, index) => ({ place: `${page} ${index + 1}`, text }),
    ),
  );

/** A heading's anchor, as GitHub makes it. */
const anchors = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every page is in the index, and everything of the index for people is in that for machines', () => {
  const index = read('docs/index.md');
  const machines = read('llms.txt');
  const own = pages.filter((page) => !page.includes('decisions') && page !== 'docs/index.md');
  expect(own.length).toBeGreaterThan(15);
  for (const page of own) {
    expect(index).toContain(`(${path.relative('docs', page)})`);
    expect(machines).toContain(`(${page})`);
  }
});

test('every link leads to a file that is there, and to a heading of it', () => {
  let compared = 0;
  for (const page of ALL)
    for (const [, link = ''] of read(page).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      expect(fs.existsSync(path.join(root, target)), `${page}: ${link}`).toBe(true);
      if (anchor !== undefined) expect(anchors(target), `${page}: ${link}`).toContain(anchor);
      compared += 1;
    }
  expect(compared).toBeGreaterThan(100);
});

describe('what stands in a block', () => {
  const schema = createSchema(NOUNS);
  test.each(blocks('graphql'))('is GraphQL that the server runs: $place', ({ text }) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });

  test.each(blocks('json'))('is JSON: $place', ({ text }) => {
    JSON.parse(text);
  });
});
