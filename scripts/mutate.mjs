// npm run mutate [-- PATH…]: makes each source wrong by one sign, and tells which wrong ones no test notices. docs/simulation.md has the figures.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf, withSwitches } from './mutants.mjs';
import { root, secondsSince } from './run.mjs';

const ownTestOf = (file) => file.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');

/** The pure core and where money is decided: those whose own test is to notice. */
const BY_OWN =
  `core/backoff core/batch core/caller core/csv core/in-flight core/list-export core/money core/reason core/redaction
  core/slots core/states core/text core/web-address core/work-board nouns/payments/cancel-and-capture nouns/payments/reserve
  nouns/quarantine/decide nouns/recurring/apply nouns/recurring/reserve nouns/renewals/decide`.split(/\s+/);
/** Each with the tests that are to notice, the quick ones first. */
const TARGETS = {
  ...Object.fromEntries(BY_OWN.map((name) => [`src/${name}.ts`, [ownTestOf(`src/${name}.ts`)]])),
  'src/core/node-id.ts': ['test/core/keys.test.ts'],
  'src/core/status-sql.ts': ['test/core/keys.test.ts'],
  'src/core/time-steps.ts': ['test/core/times.test.ts'],
  'src/core/unix-time.ts': ['test/core/times.test.ts'],
  'src/nouns/refunds/reserve.ts': ['test/nouns/refunds/reserve.test.ts', 'test/nouns/refunds/transitions.test.ts'],
  'src/nouns/refunds/refundable.ts': ['test/nouns/refunds/refundable.test.ts', 'test/nouns/payments/totals.test.ts'],
  'src/nouns/refunds/decide.ts': ['test/nouns/refunds/decide.test.ts', 'test/nouns/refunds/transitions.test.ts'],
  'src/nouns/refunds/apply.ts': ['test/nouns/refunds/transitions.test.ts', 'test/nouns/refunds/apply.test.ts'],
  'src/nouns/payments/apply.ts': ['test/nouns/payments/apply.test.ts', 'test/nouns/payments/details.test.ts'],
  'src/nouns/payments/decide.ts': [
    'test/nouns/payments/decide.test.ts',
    'test/nouns/payments/settled-elsewhere.test.ts',
    'test/inbox/order-of-events.test.ts',
  ],
  'src/nouns/payments/due.ts': ['test/nouns/payments/charge.test.ts'],
  'src/nouns/disputes/states.ts': ['test/nouns/disputes/states.test.ts', 'test/nouns/disputes/disputes.test.ts'],
  'src/nouns/disputes/apply.ts': ['test/nouns/disputes/apply.test.ts', 'test/nouns/disputes/transitions.test.ts'],
};
/** A wrong source may never end: nothing is said of any mutant for so long. The core's tests start nothing. */
const limitOf = (file) => (file.startsWith('src/core/') ? 20_000 : 300_000);

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: 'boolean', default: false } },
});
const short = (text) => text.replaceAll(/\s+/g, ' ').slice(0, 100);
const wanted = Object.keys(TARGETS).filter((file) => asked.length === 0 || asked.some((word) => file.startsWith(word)));
if (wanted.length === 0) {
  console.error(`Nothing of that name is mutated. These are: ${Object.keys(TARGETS).join(', ')}`);
  process.exit(1);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-mutants-'));
let isInterrupted = false;
const SIGNALS = ['SIGINT', 'SIGTERM'];
for (const signal of SIGNALS)
  process.on(signal, () => {
    isInterrupted = true;
  });

/** Runs the file's tests with this text in the place of the source; a report that says nothing new for long ends it. */
const runTests = (file, text, { name, report, count, words = [], tests = TARGETS[file] }) =>
  new Promise((resolve) => {
    const mutant = path.join(folder, name);
    fs.writeFileSync(mutant, text);
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const child = spawn(
      process.execPath,
      [vitest, 'run', '--config', 'scripts/mutate.config.ts', '--reporter', 'dot', ...words, ...tests],
      {
        cwd: root,
        stdio: 'ignore',
        // A group of its own: a test that never ends runs in a process of the child's, which outlives it.
        detached: true,
        env: {
          ...process.env,
          TOLLGATE_TEST_BUILT: '1',
          TOLLGATE_MUTANT_OF: path.join(root, file),
          TOLLGATE_MUTANT: mutant,
          TOLLGATE_MUTANT_TESTS: tests.join(' '),
          ...(report !== undefined && { TOLLGATE_MUTANT_REPORT: report, TOLLGATE_MUTANT_COUNT: String(count) }),
        },
      },
    );
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // nobody of the group is left
      }
    };
    let size = 0;
    const watch = setInterval(() => {
      const now = report === undefined ? size : fs.statSync(report).size;
      if (now === size) end('SIGKILL');
      size = now;
    }, limitOf(file));
    for (const signal of SIGNALS) process.once(signal, end);
    child.once('close', (code) => {
      clearInterval(watch);
      for (const signal of SIGNALS) process.off(signal, end);
      end('SIGKILL');
      resolve(code === 0);
    });
  });

/** The latest that the report says of each mutant, and the tests that couldn't be played with several. */
const readReport = (report) => {
  const latest = new Map();
  const leftOut = [];
  for (const text of fs.readFileSync(report, 'utf8').split('\n').filter(Boolean)) {
    const line = JSON.parse(text);
    if (line.leftOut === undefined) latest.set(line.id, { is: line.is, by: line.by });
    else leftOut.push(line);
  }
  return { latest, leftOut };
};

/** All mutants in one run of the tests: each test that reaches one is played again with it. */
const tryTogether = async (file, source, mutants) => {
  const report = path.join(folder, `${path.basename(file, '.ts')}-${mutants.length}.jsonl`);
  fs.writeFileSync(report, '');
  const switched = mutants.filter(({ isStatic }) => !isStatic);
  for (;;) {
    const isWhole = await runTests(file, withSwitches(source, switched), {
      name: 'switched.ts',
      report,
      count: switched.length,
    });
    const ended = [...readReport(report).latest].find(([, { is }]) => is === 'tried');
    if (isWhole || isInterrupted) return readReport(report);
    if (!ended) {
      if (fs.statSync(report).size === 0) throw new Error(`The tests of ${file} fail without any mutant.`);
      console.log(`${file}: a test failed without any mutant, and noticed none`);
      return readReport(report);
    }
    fs.appendFileSync(report, `${JSON.stringify({ id: ended[0], is: 'noticed', by: 'it ended the tests' })}\n`);
  }
};

/** One in a run of its own, of the source's own test before all others: for what is run as the module is loaded. */
const tryAlone = async (file, mutant) => {
  const own = ownTestOf(file);
  const name = `alone-${mutant.id}.ts`;
  const words = ['--bail', '1'];
  const isMissed =
    !fs.existsSync(path.join(root, own)) || (await runTests(file, mutant.text, { name, words, tests: [own] }));
  const isSurvivor = isMissed && (await runTests(file, mutant.text, { name, words }));
  return { is: isSurvivor ? 'reached' : 'noticed' };
};

/** One with each of these tests in a run of its own; a test that doesn't pass alone without it says nothing. */
const tryWith = async (file, source, { mutant, tests }) => {
  for (const { file: only, leftOut: by } of tests) {
    const title = by.replaceAll(' > ', ' ').replaceAll(/[^\w ]/g, '.');
    const play = (text) =>
      runTests(file, text, { name: `with-${mutant.id}.ts`, words: ['-t', `^${title}$`, only], tests: [] });
    if (!isInterrupted && !(await play(mutant.text)) && (await play(source))) return { is: 'noticed', by };
  }
  return { is: 'reached' };
};

const tryOut = async (file) => {
  const startedAt = performance.now();
  const source = fs.readFileSync(path.join(root, file), 'utf8');
  const mutants = mutantsOf(source);
  const { latest: found, leftOut } = await tryTogether(file, source, mutants);
  const alone = mutants.filter(({ id, isStatic }) => isStatic || found.get(id)?.is === 'static');
  for (const mutant of alone) if (!isInterrupted) found.set(mutant.id, await tryAlone(file, mutant));
  for (const mutant of mutants.filter(({ id }) => found.get(id)?.is === 'reached')) {
    const tests = leftOut.filter(({ ids }) => ids.includes(mutant.id));
    if (tests.length > 0) found.set(mutant.id, await tryWith(file, source, { mutant, tests }));
  }
  const noticed = mutants.filter(({ id }) => found.get(id)?.is === 'noticed').length;
  console.log(`${file}: ${noticed} of ${mutants.length} noticed in ${secondsSince(startedAt)}`);
  for (const { id, line, from, to } of mutants) {
    const { is, by } = found.get(id) ?? { is: isInterrupted ? 'not tried' : 'reached by no test' };
    const said = is === 'reached' ? 'not noticed' : is;
    if (is !== 'noticed' || values.verbose)
      console.log(`  ${said}: ${file}:${line}  ${short(from)}  →  ${short(to)}${by ? `  (${by})` : ''}`);
  }
  return { tried: mutants.length, noticed };
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
