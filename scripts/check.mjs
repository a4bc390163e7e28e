// npm run check: everything that can be said about the code without running its tests. All steps run; exit code 1 if any failed.
import '../bin/node-version.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { ensureInstalled } from './install.mjs';
import { root, runNode, secondsSince } from './run.mjs';
import { failed } from './step.mjs';
import { ensureBuilt, TARGETS } from './targets.mjs';

const tool = (...words) => path.join(root, 'node_modules', ...words);

const node = (...words) => runNode(words, { capture: true });

/** Types of the server, the client package and the pages' operations are checked on the way. */
const build = async () => {
  for (const target of Object.values(TARGETS)) await ensureBuilt(target, { say: () => undefined });
  return { code: 0, output: '' };
};

/** The file is what the code prints, to the letter. */
const comparePrinted = async (script, file) => {
  const printed = await node(script);
  if (printed.code !== 0) return printed;
  const kept = fs.readFileSync(path.join(root, file), 'utf8');
  if (printed.output.trimEnd() === kept.trimEnd()) return { code: 0, output: '' };
  return { code: 1, output: `${file} differs from the code; print it again:\n  node ${script} > ${file}` };
};

const steps = [
  ['format and lint', () => node(tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.')],
  ['build', build],
  ['types', () => node(tool('typescript', 'bin', 'tsc'), '--build', 'test', 'web')],
  ['dead code', () => node(tool('knip', 'bin', 'knip.js'))],
  ['schema drift', () => comparePrinted('dist/src/print-schema.js', 'schema.graphql')],
  ['variables in the docs', () => comparePrinted('dist/src/environment/print-environment.js', 'docs/environment.md')],
  ['pending migrations', () => node('dist/src/check-migrations.js')],
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
