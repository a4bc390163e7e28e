// Makes a release of both packages, up to what "npm publish" would send; sends nothing.
//   node scripts/release.mjs 0.2.0            refuses what can't be released, runs the check and the trials, then packs
//   node scripts/release.mjs 0.2.0 --quick    without the trials
// The trials are an upgrade under load, the places where people host, and all tests on each Node. Then the version stands in the
// files, CHANGELOG's unreleased part is that version's, and release/ holds the tarballs, each beside a list of its files with their
// digests. Where a step fails, the files are put back.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { compareContents, PACKAGES } from './package-contents.mjs';
import { checkVersion, closeChangelog, ReleaseError, setVersion } from './release-plan.mjs';
import { root, secondsSince } from './run.mjs';

const OUTPUT = path.join(root, 'release');
const VERSIONED = ['package.json', 'client/package.json', 'web/package.json', 'package-lock.json'];
const TRIALS = [['upgrade.mjs'], ['hosting.mjs'], ['nodes.mjs', '--all']];
/** What npm says to whoever isn't logged in, which nobody is who sends nothing. */
const NO_LOGIN = /^npm warn publish This command requires you to be logged in/;

const at = (file) => path.join(root, file);
const read = (file) => fs.readFileSync(at(file), 'utf8');

/** Runs a program to its end and gives what it printed; throws with the end of it unless the code is 0. */
const run = async (program, words, cwd = root) => {
  const child = spawn(program, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (chunk) => {
      said[name] += chunk;
    });
  const [code] = await once(child, 'close');
  if (code !== 0)
    throw new ReleaseError(
      `${program} ${words.join(' ')}: exit code ${code}\n${said.stdout}${said.stderr}`.slice(-12_000),
    );
  return said;
};

const step = async (title, work) => {
  const startedAt = performance.now();
  process.stdout.write(`${title} … `);
  const said = await work();
  process.stdout.write(`${secondsSince(startedAt)}${said === undefined ? '' : `  ${said}`}\n`);
};

const checkTree = async () => {
  const { stdout } = await run('git', ['status', '--porcelain']);
  if (stdout !== '') throw new ReleaseError(`The tree has changes that no commit holds:\n${stdout}`);
};

const writeVersion = (version) => {
  const day = new Date().toISOString().slice(0, 10);
  fs.writeFileSync(at('CHANGELOG.md'), closeChangelog(read('CHANGELOG.md'), version, day));
  for (const file of VERSIONED) fs.writeFileSync(at(file), setVersion(read(file), version));
};

/** Digests of all that a tarball holds, so that anyone can compare what a registry hands out with what was made here. */
const listTarball = async (packed, tarball, commit) => {
  const folder = fs.mkdtempSync(path.join(OUTPUT, 'unpacked-'));
  try {
    await run('tar', ['-xzf', tarball, '-C', folder]);
    const lines = packed.files.map((file) => {
      const bytes = fs.readFileSync(path.join(folder, 'package', file.path));
      return `${createHash('sha256').update(bytes).digest('hex')}  ${file.path}`;
    });
    const heading = [
      `# ${packed.filename} ${packed.integrity}`,
      `# after commit ${commit}, Node ${process.versions.node}`,
    ];
    fs.writeFileSync(tarball.replace(/\.tgz$/, '.sha256'), `${[...heading, ...lines].join('\n')}\n`);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
};

/** Packs one package, compares what it holds with the kept list, and asks npm whether it could be published as it is. */
const pack = async (name, commit) => {
  const words = ['pack', '--json', '--silent', '--pack-destination', OUTPUT];
  const { stdout } = await run('npm', words, at(PACKAGES[name]));
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[')));
  const tarball = path.join(OUTPUT, packed.filename);
  const differences = compareContents(
    name,
    packed.files.map((file) => file.path),
  );
  if (differences.length > 0)
    throw new ReleaseError(
      `${differences.join('\n')}\nMend it, or keep the list anew: node scripts/package-contents.mjs`,
    );
  await listTarball(packed, tarball, commit);
  // Offline: what the registry has is asked when it is sent; without a network npm would wait for a minute here.
  const { stderr } = await run('npm', ['publish', tarball, '--dry-run', '--offline', '--loglevel=warn']);
  const complaints = stderr.split('\n').filter((line) => /^npm (?:warn|error)/.test(line) && !NO_LOGIN.test(line));
  if (complaints.length > 0) throw new ReleaseError(`npm publish --dry-run of ${name}:\n${complaints.join('\n')}`);
  return `${packed.entryCount} files, ${Math.round(packed.size / 1024)} kB, ${Math.round(packed.unpackedSize / 1024)} kB unpacked`;
};

const release = async (version, { isQuick }) => {
  await checkTree();
  checkVersion(version, { changelog: read('CHANGELOG.md'), current: JSON.parse(read('package.json')).version });
  closeChangelog(read('CHANGELOG.md'), version, 'today');
  const { ensureInstalled } = await import('./install.mjs');
  await ensureInstalled();
  await step('npm run check', () => run('npm', ['run', '--silent', 'check']).then(() => undefined));
  for (const [script, ...words] of isQuick ? [] : TRIALS)
    await step(`node scripts/${[script, ...words].join(' ')}`, async () => {
      const { stdout } = await run(process.execPath, [at(path.join('scripts', script)), ...words]);
      return `\n${stdout.trim()}`;
    });
  await checkTree();
  const commit = (await run('git', ['rev-parse', 'HEAD'])).stdout.trim();
  fs.rmSync(OUTPUT, { recursive: true, force: true });
  fs.mkdirSync(OUTPUT);
  try {
    await step(`The version ${version}`, () => writeVersion(version));
    for (const name of Object.keys(PACKAGES)) await step(`The package ${name}`, () => pack(name, commit));
  } catch (error) {
    await run('git', ['checkout', '--', 'CHANGELOG.md', ...VERSIONED]);
    throw error;
  }
  process.stdout.write(`
Nothing has been committed or sent. What is left to do:
  git commit -am "Release ${version}" && git tag v${version} && git push --follow-tags
${Object.keys(PACKAGES)
  .map((name) => `  npm publish release/${name}-${version}.tgz`)
  .join('\n')}
`);
};

const words = process.argv.slice(2);
const isQuick = words.includes('--quick');
const [version, ...more] = words.filter((word) => word !== '--quick');
if (version === undefined || more.length > 0 || version.startsWith('-')) {
  process.stderr.write('node scripts/release.mjs VERSION [--quick]\n');
  process.exit(1);
}
await release(version, { isQuick }).catch((error) => {
  process.stderr.write(`\n${error instanceof ReleaseError ? error.message : error.stack}\n`);
  process.exit(1);
});
