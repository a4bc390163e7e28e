import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** One line per folder: an import that its row of the table forbids, and those that it allows. */
const rows = [
  { file: 'core/row.ts', forbidden: "import { a } from '../storage/a.js';", allowed: [] },
  { file: 'sandbox/row.ts', forbidden: "import type { A } from '../core/a.js';", allowed: [] },
  { file: 'storage/row.ts', forbidden: "import { a } from '../payments/a.js';", allowed: ['core'] },
  { file: 'stripe/row.ts', forbidden: "import { a } from '../storage/a.js';", allowed: ['core'] },
  { file: 'pubsub/row.ts', forbidden: "import { a } from '../payments/a.js';", allowed: ['core'] },
  {
    file: 'payments/row.ts',
    forbidden: "import { a } from '../webhooks/a.js';",
    allowed: ['core', 'storage', 'stripe'],
  },
  { file: 'actionflows/define.ts', forbidden: "import { a } from '../core/a.js';", allowed: [] },
  { file: 'actionflows/row.ts', forbidden: "import type { A } from '../core/a.js';", allowed: [] },
  {
    file: 'webhooks/row.ts',
    forbidden: "import { a } from '../pubsub/a.js';",
    allowed: ['core', 'storage', 'stripe', 'payments'],
  },
  { file: 'live/row.ts', forbidden: "import { a } from '../storage/a.js';", allowed: ['core', 'pubsub', 'payments'] },
  {
    file: 'graphql/row.ts',
    forbidden: "import { a } from '../storage/a.js';",
    allowed: ['core', 'payments', 'webhooks', 'live'],
  },
  { file: 'http/row.ts', forbidden: "import { a } from '../payments/a.js';", allowed: ['graphql', 'webhooks'] },
];
const takesTypes = ['storage', 'stripe', 'pubsub', 'payments', 'webhooks', 'live', 'graphql', 'http'];

interface Finding {
  readonly rule: string;
  readonly file: string;
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-layers-'));
let findings: Finding[] = [];

const write = (file: string, text: string): void => {
  const at = path.join(root, 'src', file);
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.writeFileSync(at, `${text}\n`);
};

/** The product's own lint settings on the folder. Exit code 1 only says that there are findings. */
const lint = (): Promise<Finding[]> =>
  new Promise((resolve, reject) => {
    const biome = path.resolve('node_modules/@biomejs/biome/bin/biome');
    const words = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
    execFile(process.execPath, words, { cwd: root, maxBuffer: 1e8 }, (error, stdout) => {
      if (!stdout.startsWith('{')) return reject(error);
      const report = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
      resolve(report.diagnostics.map(({ category, location }) => ({ rule: category, file: location.path })));
    });
  });

const rulesOn = (file: string): string[] =>
  findings.filter((finding) => path.normalize(finding.file).endsWith(path.join('src', file))).map(({ rule }) => rule);

/** A folder of its own keeps the name, which counts for define.ts. */
const forbiddenFile = (file: string): string => path.join(path.dirname(file), 'forbidden', path.basename(file));
const allowedFile = (file: string): string => path.join(path.dirname(file), 'allowed', path.basename(file));

const useOf = (folder: string, at: number): string => `import { a as a${at} } from '../${folder}/a.js';`;

beforeAll(async () => {
  for (const file of ['biome.json', '.gitignore', 'scripts/layers.grit']) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.copyFileSync(file, path.join(root, file));
  }
  for (const { file, forbidden, allowed } of rows) {
    write(forbiddenFile(file), forbidden);
    write(allowedFile(file), allowed.map(useOf).join('\n'));
  }
  for (const folder of takesTypes)
    write(
      `${folder}/types.ts`,
      "import type { A } from '../core/a.js';\nimport type { B } from '../storage/a.js';\nimport type { C } from '../payments/a.js';",
    );
  write('graphql/dynamic.ts', "export const load = () => import('../storage/a.js');");
  write('graphql/mixed.ts', "import { type A, b } from '../storage/a.js';");
  write('main.ts', "import { a } from './sandbox/a.js';\nimport { a as b } from './graphql/a.js';");
  write('core/left.ts', "import { right } from './right.js';\nexport const left = () => right();");
  write('core/right.ts', "import { left } from './left.js';\nexport const right = (): unknown => left();");
  findings = await lint();
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

for (const { file, forbidden, allowed } of rows) {
  test(`src/${file} may not contain: ${forbidden}`, () => {
    expect(rulesOn(forbiddenFile(file))).toContain('plugin');
  });

  test(`src/${file} may import ${allowed.join(', ') || 'nothing above it'}`, () => {
    expect(rulesOn(allowedFile(file))).not.toContain('plugin');
  });
}

for (const folder of takesTypes)
  test(`src/${folder} may take types from core, storage and payments`, () => {
    expect(rulesOn(`${folder}/types.ts`)).not.toContain('plugin');
  });

test('a dynamic import and an import of types and values together count as imports of values', () => {
  expect(rulesOn('graphql/dynamic.ts')).toContain('plugin');
  expect(rulesOn('graphql/mixed.ts')).toContain('plugin');
});

test('main may import everything', () => {
  expect(rulesOn('main.ts')).not.toContain('plugin');
});

test('two files that import each other are a cycle', () => {
  expect(rulesOn('core/left.ts')).toContain('lint/suspicious/noImportCycles');
});
