// Installs and builds what is missing or out of date, and nothing else: without a network it works once it has worked.
// Needs node alone, so that it runs on a fresh clone.
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { root as checkout, runNode, secondsSince } from './run.mjs';

const STAMP = '.sources';
const FLOW_REMEDY = `
A callback flow named above does not compile. Mend it and start again; docs/flows.md says what a flow may use.`;

/** A step that did not work; the message holds the tool's own words. */
export class EnsureError extends Error {
  name = 'EnsureError';
}

/** Whether an installed package is missing or of another version than package-lock.json says; platform packages may miss. */
export const needsInstall = (root = checkout) => {
  const installed = readJson(path.join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return true;
  const { packages } = readJson(path.join(root, 'package-lock.json'));
  return Object.entries(packages).some(
    ([at, { version, optional }]) => at !== '' && !optional && installed[at]?.version !== version,
  );
};

/** Whether dist is missing or was built from other sources than those there now. */
export const needsBuild = (root = checkout) => readText(path.join(root, 'dist', STAMP)) !== hashSources(root);

/**
 * Installs the locked dependencies, those for development too, unless they are there. `say` gets what is to be shown.
 * @param {{ root?: string, say?: (text: string) => void }} [options]
 */
export const ensureInstalled = async ({ root = checkout, say = show } = {}) => {
  if (!needsInstall(root)) return;
  await exclusively(root, async () => {
    if (!needsInstall(root)) return;
    await step(say, 'Installing dependencies (npm ci)', () =>
      // a caller's NODE_ENV=production would leave out the compiler
      runNode([npmCli(), 'ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root, capture: true }),
    );
  });
};

/**
 * Builds dist as a whole and swaps it in, so that no stale and no half-written file is ever seen.
 * @param {{ root?: string, say?: (text: string) => void }} [options]
 */
export const ensureBuilt = async ({ root = checkout, say = show } = {}) => {
  if (!needsBuild(root)) return;
  await exclusively(root, async () => {
    if (!needsBuild(root)) return;
    await step(say, 'Building', () => build(root));
  });
};

/**
 * Both of the above; what every command starts with.
 * @param {{ root?: string, say?: (text: string) => void }} [options]
 */
export const ensure = async (options) => {
  await ensureInstalled(options);
  await ensureBuilt(options);
};

/** For a script's last resort: says what went wrong and ends the process with code 1. */
export const failed = (error) => {
  process.stderr.write(`${error instanceof EnsureError ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
};

const show = (text) => process.stdout.write(text);

const exclusively = (root, work) => withLock(path.join(root, '.ensure.lock'), work);

const step = async (say, title, work) => {
  const startedAt = performance.now();
  say(`${title} … `);
  const { code, output } = await work();
  say(code === 0 ? `${secondsSince(startedAt)}\n` : 'failed\n');
  if (code !== 0) throw new EnsureError(`${title} failed:\n${output.trim()}`);
};

const build = async (root) => {
  for (const name of fs.readdirSync(root))
    if (name.startsWith('.dist-')) fs.rmSync(path.join(root, name), { recursive: true, force: true });
  const fresh = path.join(root, `.dist-${randomUUID()}`);
  const hash = hashSources(root); // before the compiler reads them: a file saved meanwhile is built next time
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = await runNode([tsc, '-p', 'tsconfig.json', '--outDir', fresh], { cwd: root, capture: true });
  if (result.code === 0) {
    fs.writeFileSync(path.join(fresh, STAMP), hash);
    swap(fresh, path.join(root, 'dist'));
  }
  fs.rmSync(fresh, { recursive: true, force: true });
  if (result.code !== 0 && result.output.includes('src/actionflows/')) result.output += FLOW_REMEDY;
  return result;
};

const swap = (fresh, dist) => {
  const old = `${fresh}-old`;
  if (fs.existsSync(dist)) fs.renameSync(dist, old);
  fs.renameSync(fresh, dist);
  fs.rmSync(old, { recursive: true, force: true });
};

/** By content: a checkout, a copy or a touch changes times without changing what would be built. */
const hashSources = (root) => {
  const hash = createHash('sha256');
  for (const file of sources(root)) hash.update(`${file}\0`).update(fs.readFileSync(path.join(root, file)));
  return hash.digest('hex');
};

const sources = (root) => {
  const below = ['src', 'migrations'].flatMap((folder) =>
    fs.existsSync(path.join(root, folder))
      ? fs.readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name))
      : [],
  );
  return [...below.filter((name) => name.endsWith('.ts')).sort(), 'tsconfig.json'];
};

/** The npm that started us, else the one that came with this node, wherever PATH points. */
const npmCli = () => {
  const started = process.env['npm_execpath'];
  if (started?.endsWith('npm-cli.js') || started?.endsWith('npm-cli.mjs')) return started;
  const bin = path.dirname(fs.realpathSync(process.execPath));
  const found = [
    path.join(bin, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(bin, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...(process.env['PATH'] ?? '').split(path.delimiter).map((folder) => realpath(path.join(folder, 'npm'))),
  ].find((file) => file?.endsWith('.js') && fs.existsSync(file));
  if (!found) throw new EnsureError('npm was not found; run "npm ci" in the checkout.');
  return found;
};

const realpath = (file) => {
  try {
    return fs.realpathSync(file);
  } catch {
    return undefined;
  }
};

const readText = (file) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const readJson = (file) => {
  const text = readText(file);
  return text === undefined ? undefined : JSON.parse(text);
};
