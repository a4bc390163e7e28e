// Installs the locked packages where some are missing. Needs node and npm alone, so that it runs on a fresh clone.
import fs from 'node:fs';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { root as checkout, runNode } from './run.mjs';
import { EnsureError, show, step } from './step.mjs';

/** Whether an installed package is missing or of another version than package-lock.json says; platform packages may miss. */
export const needsInstall = (root = checkout) => {
  const installed = readJson(path.join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return true;
  const { packages } = readJson(path.join(root, 'package-lock.json'));
  return (
    Object.entries(packages).some(
      ([at, { version, optional }]) =>
        at !== '' && !optional && (installed[at] === undefined || installed[at].version !== version),
    ) || leftovers(root, packages).length > 0
  );
};

/**
 * Installs the locked dependencies, those for development too, unless they are there. `say` gets what is to be shown.
 * @param {{ root?: string, say?: (text: string) => void }} [options]
 */
export const ensureInstalled = async ({ root = checkout, say = show } = {}) => {
  if (!needsInstall(root)) return;
  await withLock(path.join(root, '.ensure.lock'), async () => {
    if (!needsInstall(root)) return;
    for (const folder of leftovers(root, readJson(path.join(root, 'package-lock.json')).packages))
      fs.rmSync(folder, { recursive: true });
    await step(say, 'Installing dependencies (npm ci)', () =>
      // a caller's NODE_ENV=production would leave out the compiler
      runNode([npmCli(), 'ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root, capture: true }),
    );
  });
};

/** What a workspace installed while it was a package apart: `npm ci` leaves it, and it would hide what is shared now. */
const leftovers = (root, packages) =>
  Object.keys(packages)
    .filter((at) => at !== '' && !at.includes('node_modules'))
    .map((at) => path.join(root, at, 'node_modules'))
    .filter((folder) => fs.existsSync(path.join(folder, '.package-lock.json')));

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

const readJson = (file) => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined);
