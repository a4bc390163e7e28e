// npm run fuzz -- --seconds N [--door NAME]: throws at each door what comes of its seeds by chance, keeps what reaches new code, and tells what
// was answered wrongly. Seeds, and what was once answered wrongly, are in test/fuzz/seeds.
import '../bin/node-version.mjs';
import fs from 'node:fs';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureServer } from './ensure.mjs';
import { root } from './run.mjs';
import { failed } from './step.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, door: { type: 'string' }, seed: { type: 'string' } },
});
await ensureServer({ say: (text) => process.stderr.write(text) }).catch(failed);
const dist = pathToFileURL(path.join(root, 'dist')).href;
const load = (name) => import(`${dist}/simulation/${name}.js`);
const [{ openLab }, { openDoors }, { createRandom }] = await Promise.all(['lab', 'doors', 'random'].map(load));
const first = Number(values.seed ?? Date.now() % 1_000_000);
const random = createRandom(first);

const AWKWARD = [
  '',
  '\0',
  '\ud800',
  '-1',
  '0',
  '1e999',
  '9999999999999999999',
  'null',
  'true',
  '[]',
  '{}',
  '"',
  '\\',
  '\n',
  '__proto__',
  ' ',
  '🦜',
  '%',
  '../',
  '{"a":'.repeat(200),
  'x'.repeat(5_000),
];

/** A neighbour of the input: some of it repeated, left out, swapped with another's, or made awkward. */
const mutate = (input, others) => {
  const [from, to] = [random.between(0, input.length), random.between(0, input.length)].sort((a, b) => a - b);
  const piece = input.slice(from, Math.min(to, from + 60));
  const rest = input.slice(from + piece.length);
  const other = random.pick(others);
  const start = random.between(0, other.length);
  return random.pick([
    () => input.slice(0, from) + rest,
    () => input.slice(0, from) + piece + piece + rest,
    () => input.slice(0, from) + random.pick(AWKWARD) + rest,
    () => input.slice(0, from) + other.slice(start, start + random.between(1, 80)) + rest,
    () => input.slice(0, from) + String.fromCharCode(random.between(0, 255)) + input.slice(from + 1),
    () => input.replace(/"[^"]*"|\d+/g, (token) => (random.chance(0.15) ? random.pick(AWKWARD) : token)),
  ])();
};

/** Whether code of ours ran that had never run before. */
const watchCoverage = async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set();
  return async () => {
    const before = seen.size;
    const { result } = await session.post('Profiler.takePreciseCoverage');
    for (const { url, functions } of result)
      if (url.startsWith(`${dist}/src`))
        for (const { ranges } of functions)
          for (const { count, startOffset, endOffset } of ranges)
            if (count > 0) seen.add(`${url}:${startOffset}-${endOffset}`);
    return seen.size - before;
  };
};

process.on('unhandledRejection', (error) => found('process', '', `an unhandled rejection: ${error?.stack ?? error}`));
process.on('uncaughtException', (error) => found('process', '', `an uncaught exception: ${error?.stack ?? error}`));
const wrongs = new Map();
const found = (name, input, wrong) => {
  const kind = `${name}: ${wrong.slice(0, 120)}`;
  if (wrongs.has(kind)) return;
  wrongs.set(kind, input);
  console.log(`WRONG at ${name}: ${wrong}\n  input: ${JSON.stringify(input.slice(0, 2_000))}`);
};

const lab = await openLab();
const { doors, close } = await openDoors(lab);
const names = Object.keys(doors).filter((name) => values.door === undefined || values.door === name);
const isNew = await watchCoverage();
for (const name of names) {
  const folder = path.join(root, 'test', 'fuzz', 'seeds', name);
  const corpus = fs.readdirSync(folder).map((file) => fs.readFileSync(path.join(folder, file), 'utf8'));
  const until = performance.now() + (Number(values.seconds) * 1_000) / names.length;
  const attempt = async (input) => {
    const wrong = await doors[name].attempt(input).catch((error) => `the door fell: ${error?.cause ?? error}`);
    if (wrong !== undefined) found(name, input, wrong);
  };
  for (const input of corpus) await attempt(input);
  await isNew();
  const seeds = corpus.length;
  let tried = 0;
  while (performance.now() < until) {
    let input = random.chance(0.5) ? corpus.at(-random.between(1, Math.min(20, corpus.length))) : random.pick(corpus);
    for (let times = random.between(1, 4); times > 0; times -= 1) input = mutate(input, corpus);
    await attempt(input);
    tried += 1;
    if ((await isNew()) > 0) corpus.push(input);
  }
  console.log(`${name}: ${tried} inputs, ${corpus.length - seeds} of them reached new code`);
}
await close();
await lab.close();
console.log(`${wrongs.size} wrong; --seed ${first} decides alike`);
process.exit(wrongs.size > 0 ? 1 : 0);
