// npm run check: everything that can be said about the code without running its tests. All steps run; exit code 1 if any failed.
import fs from 'node:fs';
import path from 'node:path';
import { ensureBuilt, ensureInstalled, failed } from './ensure.mjs';
import { root, runNode, secondsSince } from './run.mjs';
import { ensureWeb } from './web.mjs';

const tool = (...words) => path.join(root, 'node_modules', ...words);

const node = (...words) => runNode(words, { capture: true });

const build = async () => {
  await ensureBuilt({ say: () => undefined });
  return { code: 0, output: '' };
};

/** The pages are built first: it writes the types of their operations. */
const checkWeb = async () => {
  await ensureWeb({ say: () => undefined });
  return node(tool('typescript', 'bin', 'tsc'), '-p', 'web/tsconfig.json');
};

/** schema.graphql is what the code prints, to the letter. */
const compareSchema = async () => {
  const printed = await node('dist/src/graphql/print-schema.js');
  if (printed.code !== 0) return printed;
  const kept = fs.readFileSync(path.join(root, 'schema.graphql'), 'utf8');
  if (printed.output.trimEnd() === kept.trimEnd()) return { code: 0, output: '' };
  return {
    code: 1,
    output:
      'schema.graphql differs from the code; print it again:\n  node dist/src/graphql/print-schema.js > schema.graphql',
  };
};

const steps = [
  ['format and lint', () => node(tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.')],
  ['types', () => node(tool('typescript', 'bin', 'tsc'), '--noEmit', '-p', 'tsconfig.json')],
  ['types of tests', () => node(tool('typescript', 'bin', 'tsc'), '-p', 'test/tsconfig.json')],
  ['pages', checkWeb],
  ['dead code', () => node(tool('knip', 'bin', 'knip.js'))],
  ['build', build],
  ['schema drift', compareSchema],
  ['pending migrations', () => node('dist/src/storage/check-migrations.js')],
];

await ensureInstalled().catch(failed);
let failures = 0;
for (const [title, work] of steps) {
  const startedAt = performance.now();
  const { code, output } = await work().catch((error) => ({ code: 1, output: String(error?.message ?? error) }));
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${title} (${secondsSince(startedAt)})\n`);
  if (code !== 0) process.stdout.write(`${output.trimEnd()}\n`);
  failures += code === 0 ? 0 : 1;
}
process.exitCode = failures > 0 ? 1 : 0;
