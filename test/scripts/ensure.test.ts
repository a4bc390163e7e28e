import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { needsInstall } from '../../scripts/install.mjs';
import { ensureBuilt, needsBuild, TARGETS } from '../../scripts/targets.mjs';

const run = promisify(execFile);
const INSTALL = 'await ensureInstalled({ root });';
const BUILD = 'await ensureBuilt(TARGETS.server, { root });';
let root: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-ensure-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const write = (file: string, content: unknown): void => {
  const at = path.join(root, file);
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
};

/** Runs a line of code on the scripts in a process of its own. */
const runIn = (code: string, env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; stderr: string }> => {
  const script = `import { ensureInstalled } from ${JSON.stringify(path.resolve('scripts/install.mjs'))};
    import { ensureBuilt, TARGETS } from ${JSON.stringify(path.resolve('scripts/targets.mjs'))};
    const root = ${JSON.stringify(root)};
    ${code}`;
  return run(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, ...env } });
};

test('an older Node is told what is needed, in every script that people start', async () => {
  write('old.cjs', `Object.defineProperty(process.versions, 'node', { value: '18.20.8' });`);
  const { bin, scripts } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
  const started = Object.values<string>(scripts).map((line) => line.split(' ')[1] ?? '');
  for (const script of new Set([bin.tollgate, ...started])) {
    const failure = await run(process.execPath, ['--require', path.join(root, 'old.cjs'), script]).catch(
      (error) => error,
    );
    expect(failure, script).toMatchObject({ code: 1, stdout: '' });
    expect(failure.stderr, script).toMatch(/^Tollgate needs Node 20\.19 or newer, and this is Node 18\.20\.8/);
    expect(failure.stderr, script).not.toMatch(/\n {4}at /);
  }
});

describe('install', () => {
  const lock = {
    packages: {
      '': { name: 'app' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', dev: true },
      'node_modules/other-platform': { version: '1.0.0', optional: true },
    },
  };
  const installed = (packages: unknown): void => write('node_modules/.package-lock.json', { packages });

  test('is due on a fresh clone, after another version was locked, and where development packages were left out', () => {
    write('package-lock.json', lock);
    expect(needsInstall(root)).toBe(true);
    installed({ 'node_modules/a': { version: '0.9.0' }, 'node_modules/b': { version: '1.0.0' } });
    expect(needsInstall(root)).toBe(true);
    installed({ 'node_modules/a': { version: '1.0.0' } });
    expect(needsInstall(root)).toBe(true);
  });

  test('is due while a workspace is not linked, or still holds what it once installed for itself, which then goes', async () => {
    const workspaces = {
      web: { name: 'app-web', version: '1.0.0' },
      'node_modules/app-web': { resolved: 'web', link: true },
    };
    write('package-lock.json', { packages: { ...lock.packages, ...workspaces } });
    const { 'node_modules/app-web': link, ...unlinked } = { ...lock.packages, ...workspaces };
    installed(unlinked);
    expect(needsInstall(root)).toBe(true);
    installed({ ...unlinked, 'node_modules/app-web': link });
    expect(needsInstall(root)).toBe(false);
    write('web/node_modules/.package-lock.json', { packages: {} });
    expect(needsInstall(root)).toBe(true);
    write('npm-cli.js', fakeNpm);
    await runIn(INSTALL, withFakeNpm());
    expect(needsInstall(root)).toBe(false);
    expect(fs.existsSync(path.join(root, 'web/node_modules'))).toBe(false);
  });

  test('is not due when all but other platforms is there, whichever file is newer', () => {
    installed({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } });
    write('package-lock.json', lock);
    expect(needsInstall(root)).toBe(false);
  });

  /** Stands in for npm: notes each call and installs what the lock says. */
  const fakeNpm = `const fs = require('node:fs');
    fs.appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
    fs.mkdirSync('node_modules', { recursive: true });
    setTimeout(() => fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json'), 300);`;
  const withFakeNpm = (): NodeJS.ProcessEnv => ({
    npm_execpath: path.join(root, 'npm-cli.js'),
    NODE_ENV: 'production',
  });

  test('runs npm once for three processes at the same time, with the development packages, and says the seconds', async () => {
    write('package-lock.json', lock);
    write('npm-cli.js', fakeNpm);
    const env = withFakeNpm();
    const all = await Promise.all([1, 2, 3].map(() => runIn(INSTALL, env)));
    const calls = fs.readFileSync(path.join(root, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toEqual(['ci --include=dev --no-audit --no-fund']);
    expect(all.map(({ stdout }) => stdout).join('')).toMatch(/^Installing dependencies \(npm ci\) … \d+\.\d s\n$/);
    expect(fs.readdirSync(root).filter((name) => name.startsWith('.ensure.lock'))).toEqual([]);
  });

  test('goes on after a process that died holding the lock', async () => {
    write('package-lock.json', lock);
    write('npm-cli.js', fakeNpm);
    const { stdout } = await run(process.execPath, ['-p', 'process.pid']);
    write('.ensure.lock', { pid: Number(stdout), host: os.hostname(), id: 'dead' });
    await runIn(INSTALL, withFakeNpm());
    expect(needsInstall(root)).toBe(false);
  });

  test('shows what npm said when it failed', async () => {
    write('package-lock.json', lock);
    write('npm-cli.js', "console.error('npm error network'); process.exit(1);");
    await expect(runIn(INSTALL, withFakeNpm())).rejects.toThrow('npm error network');
  });
});

describe('build', () => {
  const say = (): void => undefined;
  beforeEach(() => {
    write('package.json', { type: 'module' });
    write('tsconfig.json', {
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        rootDir: '.',
        outDir: 'dist',
        types: [],
        noEmitOnError: true,
      },
      include: ['src/**/*.ts', 'migrations/**/*.ts'],
    });
    write('src/a.ts', 'export const a: number = 1;');
    write('src/deep/b.ts', 'export const b = 2;');
    fs.symlinkSync(path.resolve('node_modules'), path.join(root, 'node_modules'));
  });
  const built = (): string[] =>
    (fs.readdirSync(path.join(root, 'dist'), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.js'))
      .sort();

  test('is due when a source was added, changed or removed, and not after a touch', async () => {
    expect(needsBuild(TARGETS.server, root)).toBe(true);
    await ensureBuilt(TARGETS.server, { root, say });
    expect(needsBuild(TARGETS.server, root)).toBe(false);
    fs.utimesSync(path.join(root, 'src/a.ts'), new Date(), new Date());
    expect(needsBuild(TARGETS.server, root)).toBe(false);
    write('src/a.ts', 'export const a: number = 2;');
    expect(needsBuild(TARGETS.server, root)).toBe(true);
    await ensureBuilt(TARGETS.server, { root, say });
    write('migrations/c.ts', 'export const c = 3;');
    expect(needsBuild(TARGETS.server, root)).toBe(true);
    await ensureBuilt(TARGETS.server, { root, say });
    expect(built()).toEqual(['migrations/c.js', 'src/a.js', 'src/deep/b.js']);
    fs.rmSync(path.join(root, 'src/deep'), { recursive: true });
    expect(needsBuild(TARGETS.server, root)).toBe(true);
    await ensureBuilt(TARGETS.server, { root, say });
    expect(built()).toEqual(['migrations/c.js', 'src/a.js']);
  });

  test('keeps the last good build when the sources do not compile, and says why', async () => {
    await ensureBuilt(TARGETS.server, { root, say });
    write('src/a.ts', "export const a: number = 'text';");
    await expect(ensureBuilt(TARGETS.server, { root, say })).rejects.toThrow(
      "Type 'string' is not assignable to type 'number'",
    );
    expect(fs.readFileSync(path.join(root, 'dist/src/a.js'), 'utf8')).toContain('a = 1');
    expect(fs.readdirSync(root).filter((name) => name.startsWith('.dist-'))).toEqual([]);
  });

  test('two at the same time build once', async () => {
    const outputs = await Promise.all([runIn(BUILD), runIn(BUILD)]);
    expect(outputs.map(({ stdout }) => stdout).join('')).toMatch(/^Building … \d+\.\d s\n$/);
    expect(built()).toEqual(['src/a.js', 'src/deep/b.js']);
  });
});
