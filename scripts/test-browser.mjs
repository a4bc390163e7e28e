// npm run test:browser: the pages in a real Chromium against servers of their own. Ends with one line of counts; exit code 0
// only if some test passed and none failed. Arguments go to vitest.
import '../bin/node-version.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { ensurePages, ensureServer } from './ensure.mjs';
import { EnsureError, failed } from './step.mjs';
import { runTests, tellCounts } from './vitest.mjs';

// The first is Chromium without the windows around its pages, which no test looks at.
const BROWSERS = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
];

const findBrowser = () => {
  const named = process.env['CHROMIUM_PATH'];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const found = [named, ...folders.flatMap((folder) => BROWSERS.map((name) => path.join(folder, name)))];
  const browser = found.find((file) => file && fs.existsSync(file));
  if (!browser)
    throw new EnsureError('No Chromium was found. Install it (apt-get install chromium) or name it in CHROMIUM_PATH.');
  return browser;
};

/** What these tests need of the caller's environment, which must not steer their servers. */
const kept = (...names) =>
  Object.fromEntries(names.filter((name) => process.env[name]).map((name) => [name, process.env[name]]));

const run = async () => {
  const browser = findBrowser();
  await ensureServer();
  await ensurePages();
  const pictures = process.env['TOLLGATE_PICTURES'];
  tellCounts(
    await runTests(['--config', 'test/browser/vitest.config.ts', ...process.argv.slice(2)], {
      ...kept('PATH', 'HOME', 'CI', 'TOLLGATE_TEST_REQUIRE_REDIS'),
      TOLLGATE_TEST_BUILT: '1',
      CHROMIUM_PATH: browser,
      ...(pictures && { TOLLGATE_PICTURES: path.resolve(pictures) }),
    }),
  );
};

await run().catch(failed);
