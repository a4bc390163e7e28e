// npm run test:browser: the pages in a real Chromium against servers of their own. Ends with one line of counts; exit code 0
// only if some test passed and none failed. Arguments go to vitest.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EnsureError, ensure, ensureInstalled, failed } from './ensure.mjs';
import { root, runNode } from './run.mjs';
import { ensureWeb } from './web.mjs';

const tests = path.join(root, 'test', 'browser');
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const findBrowser = () => {
  const named = process.env['CHROMIUM_PATH'];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const found = [named, ...folders.flatMap((folder) => BROWSERS.map((name) => path.join(folder, name)))];
  const browser = found.find((file) => file && fs.existsSync(file));
  if (!browser)
    throw new EnsureError('No Chromium was found. Install it (apt-get install chromium) or name it in CHROMIUM_PATH.');
  return browser;
};

const run = async () => {
  const browser = findBrowser();
  await ensure();
  await ensureWeb();
  const say = (text) => process.stdout.write(text.replace(/^Installing/, "Installing the browser tests' own"));
  await ensureInstalled({ root: tests, say });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-counts-'));
  const countsFile = path.join(folder, 'counts.json');
  const { code } = await runNode(
    [
      path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--config',
      path.join(tests, 'vitest.config.ts'),
      '--reporter=default',
      `--reporter=${path.join(root, 'scripts', 'count-reporter.mjs')}`,
      ...process.argv.slice(2),
    ],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NODE_ENV: 'test',
        TOLLGATE_TEST_BUILT: '1',
        TOLLGATE_TEST_COUNTS: countsFile,
        CHROMIUM_PATH: browser,
        ...(process.env['CI'] && { CI: process.env['CI'] }),
        ...(process.env['TOLLGATE_TEST_REQUIRE_REDIS'] && {
          TOLLGATE_TEST_REQUIRE_REDIS: process.env['TOLLGATE_TEST_REQUIRE_REDIS'],
        }),
        ...(process.env['TOLLGATE_PICTURES'] && { TOLLGATE_PICTURES: path.resolve(process.env['TOLLGATE_PICTURES']) }),
      },
    },
  );
  const counts = fs.existsSync(countsFile)
    ? JSON.parse(fs.readFileSync(countsFile, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0, skippedGroups: [] };
  fs.rmSync(folder, { recursive: true, force: true });
  if (counts.failed === 0 && (code !== 0 || counts.passed === 0)) counts.failed = 1;
  for (const group of counts.skippedGroups) process.stdout.write(`not run: ${group}\n`);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  process.exitCode = counts.failed > 0 ? code || 1 : 0;
};

await run().catch(failed);
