// A project of somebody who has only the package: packed from this checkout, installed into an empty folder, and used there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/** Runs npm or npx as a person does and gives what it printed; throws with all of it unless it ends with code 0. */
const npm = async (words, { cwd, env, program = 'npm' }) => {
  const child = spawn(program, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `${program} ${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
};

/** Quiet, and without questions to the registry that nobody reads the answers of. */
const QUIET = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

/** Packs this checkout into a folder: where the tarball lies, and what npm says of it. */
export const packPackage = async (folder, env) => {
  const said = await npm(['pack', '--json', '--silent', '--pack-destination', folder], { cwd: root, env });
  const [packed] = JSON.parse(said.slice(said.indexOf('[')));
  return { ...packed, tarball: path.join(folder, packed.filename) };
};

/** The steps of README's first lines in an empty folder, up to an installed project; its folder. No install script runs. */
export const makeProject = async ({ folder, tarball, env }) => {
  fs.mkdirSync(folder);
  await npm(['install', '--ignore-scripts', ...QUIET, tarball], { cwd: folder, env });
  await npm(['--no', 'tollgate', 'init', 'shop'], { cwd: folder, env, program: 'npx' });
  const project = path.join(folder, 'shop');
  await npm(['install', '--ignore-scripts', ...QUIET], { cwd: project, env });
  return project;
};

/** Runs one of the project's own scripts. */
export const runScript = (project, name, env) => npm(['run', '--silent', name], { cwd: project, env });

/** One line that changes when a file below a folder is added, removed, or written. */
export const fingerprint = (folder) => {
  const hash = createHash('sha256');
  for (const name of fs.readdirSync(folder, { recursive: true }).sort()) {
    const { size, mtimeMs } = fs.lstatSync(path.join(folder, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
};
