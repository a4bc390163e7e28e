import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import * as operations from '../../client/src/operations.js';
import { createDocuments } from '../../src/graphql/documents.js';
import { DEFAULT_LIMITS } from '../../src/graphql/limits.js';
import { readManifest } from '../../src/graphql/manifest.js';
import type { Session } from '../../src/graphql/session.js';
import { runCommand } from '../cli/command.js';

test('a server that runs listed documents alone runs those of the client package, listed from the file that it ships', async () => {
  const { files } = JSON.parse(fs.readFileSync('client/package.json', 'utf8')) as { files: string[] };
  expect(files).toContain('operations.graphql');
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-client-documents-')), 'documents.json');
  const { code, stderr } = await runCommand(['documents', 'client/operations.graphql', '--out', out]);
  expect([code, stderr]).toEqual([0, '']);
  const manifest = readManifest(fs.readFileSync(out, 'utf8'));
  const documentOf = createDocuments({ manifest, only: true, automatic: false }, DEFAULT_LIMITS);
  const customer = { caller: { permissions: new Set() } } as unknown as Session;
  const sent = Object.entries(operations).filter(([name]) => name.endsWith('Document'));
  expect(sent.length).toBeGreaterThan(20);
  for (const [name, document] of sent) {
    const text = String(document);
    expect(documentOf({ query: text }, customer), name).toBe(text);
  }
  expect(() => documentOf({ query: '{ viewer { accountId } }' }, customer)).toThrow('manifest');
});
