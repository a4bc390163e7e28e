// What is built, and from what. A build is due when a file that it is made of is another one, and is swapped in as a whole:
// no stale and no half-written file is ever seen.
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { root as checkout, runNode } from './run.mjs';
import { show, step } from './step.mjs';

const TSC = 'node_modules/typescript/bin/tsc';
const OPERATIONS = 'client/build/operations.mjs';
const TABLES = 'client/build/tables.mjs';
const STAMP = '.sources';

/** The last step of each target writes to the folder it is given, which becomes dist. `written`: what its steps write. */
const server = {
  title: 'Building',
  folder: '.',
  inputs: ['src', 'migrations', 'sandbox', 'simulation', 'tsconfig.json'],
  written: [],
  steps: [[TSC, '-p', 'tsconfig.json']],
};
const client = {
  title: 'Building the client',
  folder: 'client',
  inputs: ['client', 'schema.graphql', 'tsconfig.json', 'src/core'],
  written: ['client/src/operations.ts', 'client/src/tables.ts'],
  steps: [
    [TABLES, 'client/src/tables.ts'],
    [OPERATIONS, 'client/operations.graphql', 'client/src/operations.ts'],
    [TSC, '-p', 'client/tsconfig.json'],
  ],
};
const pages = {
  title: 'Building the pages',
  folder: 'web',
  inputs: [...client.inputs, 'web'],
  written: [...client.written, 'web/console/operations.ts'],
  steps: [
    [OPERATIONS, 'web/console/operations.graphql', 'web/console/operations.ts'],
    ['node_modules/vite/bin/vite.js', 'build', 'web', '--logLevel', 'warn'],
  ],
};

/** The server, the client package, and the pages, which are made of the client package. */
export const TARGETS = { server, client, pages };

/** Whether dist is missing or was built from other files than those there now. */
export const needsBuild = (target, root = checkout) =>
  read(path.join(root, target.folder, 'dist', STAMP)) !== hashOf(target, root);

/**
 * Builds unless dist is up to date; two at the same time build once. Throws EnsureError with the tool's own words, and
 * keeps the last good build then.
 * @param {{ title: string, folder: string, inputs: string[], written: string[], steps: string[][] }} target
 * @param {{ root?: string, say?: (text: string) => void }} [options]
 */
export const ensureBuilt = async (target, { root = checkout, say = show } = {}) => {
  if (!needsBuild(target, root)) return;
  await withLock(path.join(root, target.folder, '.ensure.lock'), async () => {
    if (needsBuild(target, root)) await step(say, target.title, () => build(target, root));
  });
};

const build = async (target, root) => {
  const folder = path.join(root, target.folder);
  for (const name of fs.readdirSync(folder))
    if (name.startsWith('.dist-')) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  const fresh = path.join(folder, `.dist-${randomUUID()}`);
  const hash = hashOf(target, root); // before the tools read them: a file saved meanwhile is built next time
  let result = { code: 0, output: '' };
  for (const [index, words] of target.steps.entries()) {
    const output = index === target.steps.length - 1 ? ['--outDir', fresh] : [];
    const env = { ...process.env, NODE_ENV: 'production' };
    if (result.code === 0) result = await runNode([...words, ...output], { cwd: root, capture: true, env });
  }
  if (result.code === 0) {
    fs.writeFileSync(path.join(fresh, STAMP), hash);
    swap(fresh, path.join(folder, 'dist'));
  }
  fs.rmSync(fresh, { recursive: true, force: true });
  return result;
};

const swap = (fresh, dist) => {
  const old = `${fresh}-old`;
  if (fs.existsSync(dist)) fs.renameSync(dist, old);
  fs.renameSync(fresh, dist);
  fs.rmSync(old, { recursive: true, force: true });
};

/** By content: a checkout, a copy or a touch changes times without changing what would be built. */
const hashOf = ({ inputs, written }, root) => {
  const hash = createHash('sha256');
  const files = inputs.flatMap((input) => filesBelow(root, input)).filter((file) => !written.includes(file));
  for (const file of files.sort()) hash.update(`${file}\0`).update(fs.readFileSync(path.join(root, file)));
  return hash.digest('hex');
};

const filesBelow = (root, at) => {
  const stat = fs.statSync(path.join(root, at), { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [at];
  return fs
    .readdirSync(path.join(root, at))
    .filter((name) => !name.startsWith('.') && name !== 'dist' && name !== 'node_modules')
    .flatMap((name) => filesBelow(root, `${at}/${name}`));
};

const read = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined);
