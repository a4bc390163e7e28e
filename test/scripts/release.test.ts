import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensurePages } from '../../scripts/ensure.mjs';
import { compareContents, keptContents, PACKAGES, packedFiles } from '../../scripts/package-contents.mjs';
import { checkVersion, closeChangelog, setVersion } from '../../scripts/release-plan.mjs';

const run = promisify(execFile);

describe('what the packages hold is what the kept list says', () => {
  // What runs the tests builds no pages, and a package holds those of now.
  beforeAll(() => ensurePages({ say: () => undefined }));

  test.each(Object.keys(PACKAGES))('%s', (name) => {
    const files = packedFiles(name);
    // The declarations are written only when npm packs in earnest.
    const hasTypes = files.some((file: string) => file.startsWith('types/'));
    const differences = compareContents(name, files).filter((line: string) => hasTypes || !/ types\//.test(line));
    expect(differences).toEqual([]);
  });

  test('a stray file, one that a gone source left, and one that is missing are told', () => {
    const kept = packedFiles('tollgate').filter((file: string) => file !== 'schema.graphql');
    const differences = compareContents('tollgate', [...kept, 'docs/notes.md', 'dist/src/core/gone.js', '.env']);
    expect(differences.filter((line: string) => !/ types\//.test(line))).toEqual([
      expect.stringContaining('packs .env'),
      expect.stringContaining('packs dist/src/core/gone.js'),
      expect.stringContaining('packs docs/notes.md'),
      expect.stringContaining("doesn't pack schema.graphql"),
    ]);
    expect(keptContents('tollgate-client')).not.toContain('schema.graphql');
  });
});

describe('a version', () => {
  const changelog = '# Changelog\n\n## 0.10.0 (unreleased)\n\n- New.\n\n## 0.9.0 (2026-01-02)\n\n- Old.\n';
  const check = (version: string) => () => checkVersion(version, { changelog, current: '0.10.0' });

  test('must be three numbers, above what is released, and not below what is being worked on', () => {
    for (const version of ['0.10.0', '0.10.1', '1.0.0']) expect(check(version)).not.toThrow();
    expect(check('0.9.0')).toThrow("isn't higher than 0.9.0, which is released");
    expect(check('0.9.1')).toThrow('is lower than 0.10.0 of package.json');
    for (const version of ['1.0', 'v1.0.0', '1.0.0-beta.1', '']) expect(check(version)).toThrow('is no version');
  });

  test('takes over what the changelog has as unreleased, and there must be something', () => {
    expect(closeChangelog(changelog, '1.0.0', '2026-03-04')).toBe(
      changelog.replace('0.10.0 (unreleased)', '1.0.0 (2026-03-04)'),
    );
    expect(() => closeChangelog(changelog.replace('- New.\n\n', ''), '1.0.0', '2026-03-04')).toThrow('says nothing');
    expect(() => closeChangelog(changelog.replace('unreleased', '2026-02-02'), '1.0.0', '2026-03-04')).toThrow(
      'no heading',
    );
  });

  test('is set in our packages and what depends on them, and nothing else of the files changes', () => {
    for (const file of ['package.json', 'client/package.json', 'web/package.json', 'package-lock.json']) {
      const before = fs.readFileSync(file, 'utf8');
      const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
      const after = setVersion(before, '77.1.2');
      expect(after).toContain('77.1.2');
      expect(after.replaceAll('77.1.2', version)).toBe(before);
    }
  });
});

describe('a release is refused, and nothing written', () => {
  let clone: string;
  beforeAll(async () => {
    clone = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-release-'));
    const files = ['CHANGELOG.md', 'package.json', 'bin', 'scripts', '.gitignore'];
    for (const file of files) fs.cpSync(file, path.join(clone, file), { recursive: true });
    await git('init', '-q');
    await git('add', '-A');
    await git('-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-q', '-m', 'all');
  });
  afterAll(() => fs.rmSync(clone, { recursive: true, force: true }));
  const git = (...words: string[]) => run('git', words, { cwd: clone });
  const release = (...words: string[]): Promise<{ code: number; stderr: string }> =>
    run(process.execPath, ['scripts/release.mjs', ...words], { cwd: clone }).catch((error) => error);

  test('a version that is not higher', async () => {
    expect(await release('0.0.9', '--quick')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is lower than'),
    });
    expect((await git('status', '--porcelain')).stdout).toBe('');
  });

  test('a tree with a change', async () => {
    fs.writeFileSync(path.join(clone, 'left.txt'), '');
    expect(await release('99.0.0', '--quick')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('?? left.txt'),
    });
    expect((await git('status', '--porcelain')).stdout).toBe('?? left.txt\n');
  });

  test('no version', async () => {
    expect(await release('--quick')).toMatchObject({ code: 1, stderr: expect.stringContaining('VERSION') });
  });
});
