// npm test: installs and builds what is missing, runs the tests (arguments go to vitest) and ends with one line of counts.
// Exit code 0 only if some test passed, none failed and vitest itself is content.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureBuilt, ensureInstalled, failed } from './ensure.mjs';
import { root, runNode } from './run.mjs';

/** A developer's own settings for the product must not steer the tests to real databases, keys or ports. */
const FOREIGN =
  /^(PG|STRIPE_|JWT_|SANDBOX_|LOG_|CORS_|REDIRECT_)|^(DATABASE_URL|REDIS_URL|PORT|HOST|PUBLIC_URL|TOLLGATE_DATA_DIR|TOLLGATE_ENCRYPTION_KEY|NODE_ENV|NODE_OPTIONS)$/;

await ensureInstalled().catch(failed);
const buildError = await ensureBuilt().then(
  () => undefined,
  (error) => error,
);
if (buildError) process.stderr.write(`${buildError.message}\n`); // counted below; the tests themselves need no build

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-counts-'));
const countsFile = path.join(folder, 'counts.json');
const contractFile = path.join(folder, 'contract.jsonl');
const ownEnv = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
const { code } = await runNode(
  [
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${path.join(root, 'scripts', 'count-reporter.mjs')}`,
    ...process.argv.slice(2),
  ],
  {
    env: {
      ...Object.fromEntries(ownEnv),
      NODE_ENV: 'test',
      ...(!buildError && { TOLLGATE_TEST_BUILT: '1' }),
      TOLLGATE_TEST_COUNTS: countsFile,
      TOLLGATE_TEST_CONTRACT: contractFile,
    },
  },
);
const counts = fs.existsSync(countsFile)
  ? JSON.parse(fs.readFileSync(countsFile, 'utf8'))
  : { passed: 0, failed: 0, skipped: 0, skippedGroups: [] };
const contract = fs.existsSync(contractFile)
  ? fs
      .readFileSync(contractFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
fs.rmSync(folder, { recursive: true, force: true });

const nothingRan = counts.passed + counts.failed === 0;
if (counts.failed === 0 && (code !== 0 || nothingRan)) {
  process.stderr.write(nothingRan ? 'No test ran.\n' : `vitest ended with exit code ${code}.\n`);
  counts.failed = 1;
}
if (buildError) {
  process.stderr.write('The build failed, see above.\n');
  counts.failed += 1;
}
if (contract.length > 0) {
  const sum = (name) => contract.reduce((total, tally) => total + tally[name], 0);
  const violations = contract.flatMap((tally) => tally.violations);
  for (const violation of new Set(violations)) process.stdout.write(`Stripe's contract: ${violation}\n`);
  process.stdout.write(
    `Stripe's contract: ${sum('requests')} of ${sum('counted')} requests checked, ${sum('objects')} objects, ${violations.length} violations\n`,
  );
  if (violations.length > 0 || sum('requests') < sum('counted')) counts.failed += 1;
}
for (const group of counts.skippedGroups) process.stdout.write(`not run: ${group}\n`);
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
process.exitCode = counts.failed > 0 ? code || 1 : 0;
