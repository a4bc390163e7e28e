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
const [{ openLab }, { openDoors }, { fuzz }, { createRandom }] = await Promise.all(
  ['lab', 'doors', 'fuzz', 'random'].map(load),
);
const first = Number(values.seed ?? Date.now() % 1_000_000);
const random = createRandom(first);

/** What runs of our code, by V8's own counts. */
const watchCoverage = async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set();
  const take = async () => {
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const ran = new Set();
    for (const { url, functions } of result)
      if (url.startsWith(`${dist}/src`))
        for (const { ranges } of functions)
          for (const { count, startOffset, endOffset } of ranges)
            if (count > 0) ran.add(`${url}:${startOffset}-${endOffset}`);
    return ran;
  };
  return {
    async takeNew() {
      const places = new Set([...(await take())].filter((place) => !seen.has(place)));
      for (const place of places) seen.add(place);
      return places;
    },
    async takeAny(places) {
      return [...(await take())].filter((place) => places.has(place));
    },
  };
};

process.on('unhandledRejection', (error) => found('process', '', `an unhandled rejection: ${error?.stack ?? error}`));
process.on('uncaughtException', (error) => found('process', '', `an uncaught exception: ${error?.stack ?? error}`));
const wrongs = new Map();
const found = (name, input, wrong) => {
  const kind = `${name}: ${wrong.replaceAll(/[\da-f-]{36}|\d+/g, '…').slice(0, 400)}`;
  if (wrongs.has(kind)) return;
  wrongs.set(kind, input);
  console.log(`WRONG at ${name}: ${wrong}\n  input: ${JSON.stringify(input.slice(0, 2_000))}`);
};

const lab = await openLab();
const { doors, close } = await openDoors(lab);
const names = Object.keys(doors).filter((name) => values.door === undefined || values.door === name);
const coverage = await watchCoverage();
for (const name of names) {
  const folder = path.join(root, 'test', 'fuzz', 'seeds', name);
  const corpus = fs.readdirSync(folder).map((file) => fs.readFileSync(path.join(folder, file), 'utf8'));
  const until = performance.now() + (Number(values.seconds) * 1_000) / names.length;
  const seeds = corpus.length;
  const tried = await fuzz({
    door: doors[name],
    corpus,
    random,
    goesOn: () => performance.now() < until,
    coverage,
    found: (input, wrong) => found(name, input, wrong),
  });
  console.log(`${name}: ${tried} inputs, ${corpus.length - seeds} of them reached new code`);
}
await close();
await lab.close();
console.log(`${wrongs.size} wrong; --seed ${first} decides alike`);
process.exit(wrongs.size > 0 ? 1 : 0);
