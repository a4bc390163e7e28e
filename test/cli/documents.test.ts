import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/graphql/manifest.js';
import { runCommand } from './command.js';

const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'tollgate-documents-'));
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), content);
  }
  return folder;
};

const list = async (folder: string, ...words: string[]) => {
  const out = path.join(folder, 'documents.json');
  return { out, ...(await runCommand(['documents', folder, '--out', out, ...words])) };
};

test('each operation of a folder is listed with the fragments that it uses, whichever file they are in', async () => {
  const folder = folderOf({
    'pages/key.graphql': 'query Key { publishableKey }\nquery Mine { viewer { ...Who } }',
    'parts/who.gql': 'fragment Who on Viewer { accountId }',
    'schema.graphql': 'type Query { other: Int }',
    'node_modules/other/other.graphql': 'query Other { nonsense }',
  });
  const { out, code, stdout, stderr } = await list(folder, '--json');
  expect([code, stderr]).toEqual([0, '']);
  const { documents } = JSON.parse(stdout) as { documents: { id: string; name: string; kind: string }[] };
  expect(documents.map(({ name, kind }) => `${kind} ${name}`)).toEqual(['query Key', 'query Mine']);
  const manifest = readManifest(fs.readFileSync(out, 'utf8'));
  expect([...manifest.keys()]).toEqual(documents.map(({ id }) => id));
  expect(manifest.get(documents[1]?.id ?? '')).toContain('fragment Who on Viewer');
});

test.each([
  ['query Key { publishableKye }', /page\.graphql:1:13 .*publishableKye/],
  ['query Key {', /page\.graphql:1:12 /],
  ['query Key { publishableKey }\nquery Key { publishableKey }', /page\.graphql:1:7 .*only one operation named "Key"/],
  ['type Query { a: Int }', /No operation is in/],
])('what this version would not run is named with its file and line, and nothing is written (%#)', async (text, words) => {
  const { out, code, stderr } = await list(folderOf({ 'page.graphql': text }));
  expect(stderr).toMatch(words);
  expect(code).toBe(1);
  expect(fs.existsSync(out)).toBe(false);
});
