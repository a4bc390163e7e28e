// The browser's part: a package of its own, installed and built like the server when something is missing or out of date.
// The server starts without it, so a failure here is told and then left alone.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { EnsureError, ensure, ensureInstalled } from './ensure.mjs';
import { withLock } from './lock.mjs';
import { root, runNode, secondsSince } from './run.mjs';

const web = path.join(root, 'web');
const dist = path.join(web, 'dist');
const stamp = path.join(dist, '.sources');
const FOLDERS = ['build', 'client', 'console', 'shop', 'ui'];
const FILES = ['index.html', 'package-lock.json', 'tsconfig.json', 'vite.config.ts', path.join('..', 'schema.graphql')];
/** What the build itself writes. */
const WRITTEN = [path.join('client', 'operations.ts'), path.join('console', 'operations.ts')];

/**
 * Installs and builds the pages unless they are up to date. Throws EnsureError with the tool's own words.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const ensureWeb = async ({ say = (text) => process.stdout.write(text) } = {}) => {
  await ensureInstalled({ root: web, say: (text) => say(text.replace(/^Installing/, "Installing the pages' own")) });
  if (!isStale()) return;
  await withLock(path.join(web, '.ensure.lock'), async () => {
    if (!isStale()) return;
    const startedAt = performance.now();
    const hash = hashSources();
    await step(['build/typed-operations.mjs']);
    await step(['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn']);
    fs.writeFileSync(stamp, hash);
    say(`Building the pages … ${secondsSince(startedAt)}\n`);
  });
};

/**
 * `ensureWeb`, whose failure is told and nothing more: the server runs with the pages that were built before, or none.
 * @param {{ say?: (text: string) => void }} [options]
 */
export const tryEnsureWeb = async ({ say = (text) => process.stdout.write(text) } = {}) => {
  try {
    await ensureWeb({ say });
  } catch (error) {
    if (!(error instanceof EnsureError)) throw error;
    say(`${error.message}\nThe server runs without new pages; "npm run build" tries again.\n`);
  }
};

/** Server and pages, at the same time. What the pages' steps say waits until the server's have been told. */
export const ensureAll = async () => {
  const held = [];
  let say = (text) => held.push(text);
  const pages = tryEnsureWeb({ say: (text) => say(text) });
  await ensure();
  say = (text) => process.stdout.write(text);
  say(held.join(''));
  await pages;
};

const step = async (words) => {
  const { code, output } = await runNode(words, {
    cwd: web,
    capture: true,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (code !== 0) throw new EnsureError(`Building the pages failed at ${words[0]}:\n${output.trim()}`);
};

const isStale = () => !fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== hashSources();

/** By content, as for the server's build. */
const hashSources = () => {
  const below = FOLDERS.flatMap((folder) =>
    fs.readdirSync(path.join(web, folder), { recursive: true }).map((name) => path.join(folder, name)),
  );
  const hash = createHash('sha256');
  for (const name of [...below.filter((file) => !WRITTEN.includes(file)).sort(), ...FILES]) {
    const file = path.join(web, name);
    if (fs.statSync(file).isFile()) hash.update(`${name}\0`).update(fs.readFileSync(file));
  }
  return hash.digest('hex');
};
