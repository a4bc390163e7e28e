import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const GROUND = ['core', 'storage', 'stripe'];
const MIDDLE = [...GROUND, 'outbox', 'flows', 'orders', 'installation'];

/** One line per folder: an import that its row of the table forbids, and the folders that it allows. */
const rows = [
  { file: 'src/core/row.ts', forbidden: "import { a } from '../storage/a.js';", allowed: [] },
  { file: 'sandbox/row.ts', forbidden: "import type { A } from '../src/core/a.js';", allowed: [] },
  { file: 'src/storage/row.ts', forbidden: "import { a } from '../stripe/a.js';", allowed: ['core'] },
  { file: 'src/stripe/row.ts', forbidden: "import { a } from '../storage/a.js';", allowed: ['core'] },
  { file: 'src/outbox/row.ts', forbidden: "import type { A } from '../nouns/payments/row.js';", allowed: GROUND },
  { file: 'src/flows/row.ts', forbidden: "import { a } from '../orders/a.js';", allowed: GROUND },
  { file: 'src/orders/row.ts', forbidden: "import { a } from '../installation/a.js';", allowed: [...GROUND, 'flows'] },
  { file: 'src/installation/row.ts', forbidden: "import { a } from '../inbox/a.js';", allowed: [...GROUND, 'orders'] },
  { file: 'src/inbox/row.ts', forbidden: "import { a } from '../nouns/payments/apply.js';", allowed: MIDDLE },
  { file: 'src/live/row.ts', forbidden: "import { a } from '../nouns/payments/row.js';", allowed: MIDDLE },
  {
    file: 'src/graphql/row.ts',
    forbidden: "import { a } from '../nouns/payments/payments.js';",
    allowed: [...MIDDLE, 'inbox', 'live'],
  },
  {
    file: 'src/http/row.ts',
    forbidden: "import { a } from '../nouns/payments/payments.js';",
    allowed: [...MIDDLE, 'inbox', 'live', 'graphql'],
  },
  {
    file: 'src/nouns/payments/apply.ts',
    forbidden: "import { a } from '../../graphql/a.js';",
    allowed: [...MIDDLE, 'nouns/refunds'],
  },
  {
    file: 'src/nouns/payments/events.ts',
    forbidden: "import { a } from '../../http/a.js';",
    allowed: [...MIDDLE, 'inbox', 'live', 'graphql', 'nouns/refunds'],
  },
];

interface Finding {
  readonly rule: string;
  readonly file: string;
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-layers-'));
let findings: Finding[] = [];

const write = (file: string, text: string): void => {
  const at = path.join(root, file);
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
  findings.filter((finding) => path.normalize(finding.file).endsWith(path.normalize(file))).map(({ rule }) => rule);

/** The rules go by folder and, for a noun's doors, by name: so the two files stand in trees of their own. */
const forbiddenFile = (file: string): string => `forbidden/${file}`;
const allowedFile = (file: string): string => `allowed/${file}`;

/** An import of `folder`, as a file of the row writes it. */
const useOf = (file: string, folder: string, at: number): string => {
  const to = path.posix.relative(path.posix.dirname(file), `src/${folder}/a.js`);
  return `import { a as a${at} } from '${to}';`;
};

beforeAll(async () => {
  for (const file of ['biome.json', '.gitignore', 'scripts/layers.grit']) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.copyFileSync(file, path.join(root, file));
  }
  for (const { file, forbidden, allowed } of rows) {
    write(forbiddenFile(file), forbidden);
    write(allowedFile(file), allowed.map((folder, at) => useOf(file, folder, at)).join('\n'));
  }
  write('src/graphql/dynamic.ts', "export const load = () => import('../nouns/payments/a.js');");
  write('src/main.ts', "import { a } from './embedded/a.js';\nimport { a as b } from './graphql/a.js';");
  write('src/embedded/static.ts', "import { a } from '../../sandbox/a.js';");
  write(
    'src/embedded/dynamic.ts',
    "import type { A } from '../../sandbox/a.js';\nexport const load = (): Promise<A> => import('../../sandbox/a.js');",
  );
  write('src/attic/row.ts', "import { a } from '../core/a.js';");
  write('src/core/left.ts', "import { right } from './right.js';\nexport const left = () => right();");
  write('src/core/right.ts', "import { left } from './left.js';\nexport const right = (): unknown => left();");
  findings = await lint();
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

for (const { file, forbidden, allowed } of rows) {
  test(`${file} may not contain: ${forbidden}`, () => {
    expect(rulesOn(forbiddenFile(file))).toContain('plugin');
  });

  test(`${file} may import ${allowed.join(', ') || 'nothing above it'}`, () => {
    expect(rulesOn(allowedFile(file))).not.toContain('plugin');
  });
}

test('a dynamic import counts as an import', () => {
  expect(rulesOn('src/graphql/dynamic.ts')).toContain('plugin');
});

test('the sandbox is loaded where it is started, and no earlier', () => {
  expect(rulesOn('src/embedded/static.ts')).toContain('plugin');
  expect(rulesOn('src/embedded/dynamic.ts')).not.toContain('plugin');
});

test('main may import everything', () => {
  expect(rulesOn('src/main.ts')).not.toContain('plugin');
});

test('a folder that the table does not list may import nothing', () => {
  expect(rulesOn('src/attic/row.ts')).toContain('plugin');
});

test('two files that import each other are a cycle', () => {
  expect(rulesOn('src/core/left.ts')).toContain('lint/suspicious/noImportCycles');
});
