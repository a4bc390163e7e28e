import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** `npm test` on one of the fixtures: its exit code, its last line and the whole output. */
const runTests = (fixture: string): { code: number | null; last: string | undefined; stdout: string } => {
  const words = ['scripts/test.mjs', '--config', 'test/scripts/fixtures/vitest.config.ts', fixture];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  return { code: status, last: stdout.trimEnd().split('\n').at(-1), stdout };
};

test('the last line counts what passed and was skipped, with exit code 0, and a skipped group is told with its reason', () => {
  const run = runTests('pass.fixture');
  expect(run).toMatchObject({ code: 0, last: '1 passed, 0 failed, 1 skipped' });
  expect(run.stdout).toContain('not run: a group (skipped: no such server)');
});

test('a failing test, a file that cannot be loaded, an uncaught error and a crash fail the run', () => {
  expect(runTests('fail.fixture')).toMatchObject({ code: 1, last: '1 passed, 1 failed' });
  expect(runTests('broken.fixture')).toMatchObject({ code: 1, last: '0 passed, 1 failed' });
  expect(runTests('uncaught.fixture')).toMatchObject({ code: 1, last: '1 passed, 1 failed' });
  expect(runTests('crash.fixture')).toMatchObject({ code: 1, last: expect.stringMatching(/^0 passed, [1-9]/) });
});

test('a run without any test fails', () => {
  expect(runTests('no-such-file')).toMatchObject({ code: 1, last: '0 passed, 1 failed' });
});
