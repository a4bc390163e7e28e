// npm run mutate [-- PATH…]: makes each source wrong by one sign, and tells which wrong ones no test notices. docs/simulation.md has the figures.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mutantsOf } from './mutants.mjs';
import { root, secondsSince } from './run.mjs';

/** Where money is decided, and the tests that are to notice. */
const TARGETS = {
  'src/core/money.ts': ['test/core/money.test.ts'],
  'src/core/states.ts': ['test/core/states.test.ts'],
  'src/nouns/disputes/states.ts': ['test/nouns/disputes'],
  'src/nouns/payments/decide.ts': [
    'test/nouns/payments/settled-elsewhere.test.ts',
    'test/inbox/order-of-events.test.ts',
  ],
  'src/nouns/payments/due.ts': ['test/nouns/payments/due.test.ts', 'test/nouns/payments/pay.test.ts'],
  'src/nouns/payments/reserve.ts': ['test/nouns/payments/pay.test.ts', 'test/nouns/methods/pay-with-saved.test.ts'],
  'src/nouns/payments/apply.ts': ['test/nouns/payments', 'test/inbox/order-of-events.test.ts'],
  'src/nouns/refunds/decide.ts': ['test/nouns/refunds'],
  'src/nouns/refunds/refundable.ts': ['test/nouns/refunds'],
  'src/nouns/refunds/reserve.ts': ['test/nouns/refunds'],
  'src/nouns/refunds/apply.ts': ['test/nouns/refunds'],
  'src/nouns/disputes/apply.ts': ['test/nouns/disputes'],
  'src/nouns/recurring/reserve.ts': ['test/nouns/recurring'],
  'src/nouns/recurring/apply.ts': ['test/nouns/recurring'],
  'src/nouns/renewals/decide.ts': ['test/nouns/renewals'],
};
const AT_ONCE = 2;
/** A wrong source may never end. */
const LIMIT_MS = 300_000;

const asked = process.argv.slice(2);
const wanted = Object.keys(TARGETS).filter((file) => asked.length === 0 || asked.some((word) => file.startsWith(word)));
if (wanted.length === 0) {
  console.error(`Nothing of that name is mutated. These are: ${Object.keys(TARGETS).join(', ')}`);
  process.exit(1);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-mutants-'));
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isInterrupted = true;
  });

/** Whether the tests pass with this text in place of the source. */
const passes = (file, text, name) =>
  new Promise((resolve) => {
    const mutant = path.join(folder, name);
    fs.writeFileSync(mutant, text);
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const words = [
      vitest,
      'run',
      '--config',
      'scripts/mutate.config.ts',
      '--bail',
      '1',
      '--reporter',
      'dot',
      ...TARGETS[file],
    ];
    const child = spawn(process.execPath, words, {
      cwd: root,
      stdio: 'ignore',
      env: {
        ...process.env,
        TOLLGATE_TEST_BUILT: '1',
        TOLLGATE_MUTANT_OF: path.join(root, file),
        TOLLGATE_MUTANT: mutant,
      },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });

const tryOut = async (file) => {
  const startedAt = performance.now();
  const source = fs.readFileSync(path.join(root, file), 'utf8');
  if (!(await passes(file, source, 'honest.ts'))) throw new Error(`The tests of ${file} fail without any mutant.`);
  const waiting = mutantsOf(source).map((mutant, at) => ({
    ...mutant,
    name: `${path.basename(file, '.ts')}-${at}.ts`,
  }));
  const total = waiting.length;
  const survivors = [];
  let tried = 0;
  const work = async () => {
    for (let next = waiting.shift(); next && !isInterrupted; next = waiting.shift()) {
      if (await passes(file, next.text, next.name)) survivors.push(next);
      tried += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(
    `${file}: ${tried - survivors.length} of ${tried} noticed${tried < total ? `, ${total - tried} not tried` : ''} in ${secondsSince(startedAt)}`,
  );
  for (const { line, from, to } of survivors.sort((a, b) => a.line - b.line))
    console.log(`  not noticed: ${file}:${line}  ${from}  →  ${to}`);
  return { tried, noticed: tried - survivors.length };
};

let [tried, noticed] = [0, 0];
try {
  for (const file of wanted) {
    if (isInterrupted) break;
    const ended = await tryOut(file);
    tried += ended.tried;
    noticed += ended.noticed;
  }
  console.log(
    `${noticed} of ${tried} noticed (${((100 * noticed) / Math.max(tried, 1)).toFixed(1)} %)${isInterrupted ? ', interrupted' : ''}`,
  );
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
