// npm run prove [-- --long]: the simulation, kills, histories of many clients and properties, in one table. docs/guarantees.md has the figures.
import '../bin/node-version.mjs';
import path from 'node:path';
import { ensureServer } from './ensure.mjs';
import { root, runNode, secondsSince } from './run.mjs';
import { failed } from './step.mjs';

const isLong = process.argv.includes('--long');
const sizes = isLong
  ? { seeds: 5_000, rounds: 200, histories: 500, fuzzSeconds: 3_600 }
  : { seeds: 20, rounds: 3, histories: 40, fuzzSeconds: 40 };

/** Tests that try what nobody thought of: any amount, currency, order of events, object or answer of Stripe's. */
const PROPERTIES = [
  'test/core/money.test.ts',
  'test/core/states.test.ts',
  'test/stripe/snapshots.test.ts',
  'test/stripe/any-answer.test.ts',
  'test/live/interleavings.test.ts',
  'test/inbox/order-of-events.test.ts',
];

let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    isInterrupted = true;
  });

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

/** Each gives what it looked at, in words; `size` is what it was asked for. */
const PARTS = [
  {
    name: 'simulated worlds',
    words: ['simulate', '--seeds', String(sizes.seeds), '--json'],
    told: ({ played, broken, compared }) =>
      `${played} played, ${sum(compared)} objects compared, ${broken.length} broken`,
    isBroken: ({ broken }) => broken.length > 0,
  },
  {
    name: 'kill -9 under load',
    words: ['crash', '--rounds', String(sizes.rounds), '--json'],
    told: ({ played, broken, compared }) =>
      `${played} rounds, ${sum(compared)} objects compared, ${broken.length} broken`,
    isBroken: ({ broken }) => broken.length > 0,
  },
  {
    name: 'many clients at once',
    words: ['histories', '--count', String(sizes.histories), '--json'],
    told: ({ played, wrong, calls }) => `${played} histories, ${sum(calls)} calls, ${wrong.length} not linearizable`,
    isBroken: ({ wrong }) => wrong.length > 0,
  },
];

const runPart = async ({ words, told, isBroken }) => {
  const script = path.join(root, 'scripts', 'tollgate.mjs');
  const { code, output } = await runNode([script, ...words], { capture: true, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const report = JSON.parse(output);
    return { code, found: told(report), isBroken: isBroken(report) };
  } catch {
    return { code: code || 1, found: 'it ended without a report', isBroken: !isInterrupted };
  }
};

const runFuzz = async () => {
  const words = [path.join(root, 'scripts', 'fuzz.mjs'), '--seconds', String(sizes.fuzzSeconds)];
  const { code, output } = await runNode(words, { capture: true });
  if (code !== 0 && !isInterrupted) process.stderr.write(output);
  const tried = [...output.matchAll(/: (\d+) inputs/g)].reduce((total, [, count]) => total + Number(count), 0);
  return { code, found: `${tried} inputs at the doors`, isBroken: output.includes('WRONG') };
};

const runProperties = async () => {
  const { code, output } = await runNode([path.join(root, 'scripts', 'test.mjs'), ...PROPERTIES], { capture: true });
  if (code !== 0 && !isInterrupted) process.stderr.write(output);
  return { code, found: output.trim().split('\n').at(-1), isBroken: !isInterrupted };
};

await ensureServer({ say: (text) => process.stderr.write(text) }).catch(failed);
const rows = [];
/** What was interrupted proves nothing, unless it had found something by then. */
const stateOf = ({ code, isBroken }) => {
  if (code === 0) return 'holds';
  return isInterrupted && !isBroken ? 'interrupted' : 'BROKEN';
};
const note = async (name, run) => {
  if (isInterrupted) {
    rows.push([name, 'not begun', '', '']);
    return;
  }
  const startedAt = performance.now();
  process.stderr.write(`${name} …\n`);
  const ended = await run();
  if (ended.code !== 0) process.exitCode = 1;
  rows.push([name, stateOf(ended), secondsSince(startedAt), ended.found]);
};
for (const part of PARTS) await note(part.name, () => runPart(part));
await note('properties', runProperties);
await note('doors, at random', runFuzz);
const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
