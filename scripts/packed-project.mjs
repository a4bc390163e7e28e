// A project of somebody who has only the package: packed from this checkout, installed into an empty folder, and used there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { compareContents } from './package-contents.mjs';
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

/** Packs this checkout into a folder: where the tarball lies, and what npm says of it. It must hold what the kept list says. */
export const packPackage = async (folder, env) => {
  const said = await npm(['pack', '--json', '--silent', '--pack-destination', folder], { cwd: root, env });
  const [packed] = JSON.parse(said.slice(said.indexOf('[')));
  const files = packed.files.map((file) => file.path);
  assert.deepEqual(compareContents('tollgate', files), []);
  return { ...packed, tarball: path.join(folder, packed.filename) };
};

/** Installs a tarball into a project in place of the one that it has, as a changed number in its package.json does. */
export const installPackage = (project, tarball, env) =>
  npm(['install', '--ignore-scripts', ...QUIET, tarball], { cwd: project, env });

const NEXT_MIGRATION = `export class NextRelease9000000000000 {
  name = 'NextRelease9000000000000';
  async up(runner) {
    await runner.query("alter table tollgate.payment add column next_release text not null default 'next'");
    await runner.query('alter table tollgate.stripe_event add column next_release integer');
    await runner.query('create index payment_next_release on tollgate.payment (next_release)');
    await runner.query('create table tollgate.next_release (id bigint primary key)');
  }
  async down() {}
}
`;

/**
 * Makes the next version's tarball of one: another number, one release more, and a migration that adds to the tables which are
 * written most.
 */
export const makeNextPackage = async ({ tarball, folder, version, release, env }) => {
  fs.mkdirSync(folder);
  await npm(['-xzf', tarball, '-C', folder], { cwd: folder, env, program: 'tar' });
  const unpacked = path.join(folder, 'package');
  const change = (name, pattern, text) => {
    const file = path.join(unpacked, name);
    const before = fs.readFileSync(file, 'utf8');
    const after = before.replace(pattern, text);
    assert.notEqual(after, before, `${name} is not as expected`);
    fs.writeFileSync(file, after);
  };
  change('package.json', /"version": "[^"]+"/, `"version": "${version}"`);
  change('dist/src/storage/release.js', /RELEASE = \d+/, `RELEASE = ${release}`);
  if (!fs.existsSync(path.join(unpacked, 'dist/migrations/next-release.js'))) {
    fs.writeFileSync(path.join(unpacked, 'dist/migrations/next-release.js'), NEXT_MIGRATION);
    change(
      'dist/src/storage/data-source.js',
      /^/,
      "import { NextRelease9000000000000 } from '../../migrations/next-release.js';\n",
    );
    change(
      'dist/src/storage/data-source.js',
      /const MIGRATIONS = \[([^\]]*)\]/,
      'const MIGRATIONS = [$1 NextRelease9000000000000]',
    );
  }
  const said = await npm(['pack', '--ignore-scripts', '--json', '--silent', '--pack-destination', folder], {
    cwd: unpacked,
    env,
  });
  const [packed] = JSON.parse(said.slice(said.indexOf('[')));
  return path.join(folder, packed.filename);
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
