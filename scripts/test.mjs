// npm test: installs and builds what is missing, runs the tests (arguments go to vitest) and ends with one line of counts.
// Exit code 0 only if some test passed, none failed and vitest itself is content.
import '../bin/node-version.mjs';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureInstalled } from './install.mjs';
import { failed } from './step.mjs';
import { ensureBuilt, TARGETS } from './targets.mjs';
import { runTests, tellCounts } from './vitest.mjs';

/** A developer's own settings for the product must not steer the tests to real databases, keys or ports. */
const FOREIGN =
  /^(PG|STRIPE_|JWT_|SANDBOX_|LOG_|CORS_|REDIRECT_|DATABASE_|REDIS_)|^(BASE_PATH|PORT|HOST|PUBLIC_URL|TOLLGATE_DATA_DIR|TOLLGATE_ENCRYPTION_KEY|NODE_ENV|NODE_OPTIONS)$/;

await ensureInstalled().catch(failed);
let buildFailed = false;
for (const target of [TARGETS.server, TARGETS.client])
  await ensureBuilt(target).catch((error) => {
    process.stderr.write(`${error.message}\n`); // counted below; the tests themselves need no build
    buildFailed = true;
  });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-contract-'));
const contractFile = path.join(folder, 'contract.jsonl');
const ownEnv = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
const counts = await runTests(process.argv.slice(2), {
  ...Object.fromEntries(ownEnv),
  ...(!buildFailed && { TOLLGATE_TEST_BUILT: '1' }),
  TOLLGATE_TEST_CONTRACT: contractFile,
});
const contract = fs.existsSync(contractFile)
  ? fs
      .readFileSync(contractFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
fs.rmSync(folder, { recursive: true, force: true });

if (buildFailed) {
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
tellCounts(counts);
