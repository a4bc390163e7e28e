// Runs vitest and counts: what npm test and npm run test:browser share.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, runNode } from './run.mjs';

/**
 * Runs vitest on `words` with this environment and gives how its tests ended. A run without a test, and one that vitest
 * itself was not content with, count as one failure.
 */
export const runTests = async (words, env) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-counts-'));
  const countsFile = path.join(folder, 'counts.json');
  const { code } = await runNode(
    [
      path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      `--reporter=${path.join(root, 'scripts', 'count-reporter.mjs')}`,
      ...words,
    ],
    { env: { ...env, NODE_ENV: 'test', TOLLGATE_TEST_COUNTS: countsFile } },
  );
  const counts = fs.existsSync(countsFile)
    ? JSON.parse(fs.readFileSync(countsFile, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0, skippedGroups: [] };
  fs.rmSync(folder, { recursive: true, force: true });
  const nothingRan = counts.passed + counts.failed === 0;
  if (counts.failed === 0 && (code !== 0 || nothingRan)) {
    process.stderr.write(nothingRan ? 'No test ran.\n' : `vitest ended with exit code ${code}.\n`);
    counts.failed = 1;
  }
  return { ...counts, code };
};

/** The last line of a run, and its exit code: 0 only if some test passed and none failed. */
export const tellCounts = ({ passed, failed, skipped, skippedGroups, code }) => {
  for (const group of skippedGroups) process.stdout.write(`not run: ${group}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exitCode = failed > 0 ? code || 1 : 0;
};
