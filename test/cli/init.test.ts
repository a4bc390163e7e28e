import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from './command.js';

describe('tollgate init', () => {
  let folder: string;
  let project: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate init '));
    project = path.join(folder, 'My Shop');
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  const read = (file: string): string => fs.readFileSync(path.join(project, file), 'utf8');

  test('makes a project that pins the package it came from, also below a path with spaces', async () => {
    const { code, stdout } = await runCommand(['init', project, '--yes', '--json']);
    expect(code).toBe(0);
    const { files } = JSON.parse(stdout) as { files: { file: string; state: string }[] };
    expect(files.map(({ state }) => state)).toEqual(files.map(() => 'written'));
    expect(files.map(({ file }) => file)).toEqual(
      expect.arrayContaining([
        'package.json',
        '.gitignore',
        '.env.example',
        'Dockerfile',
        'compose.yaml',
        'kubernetes.yaml',
        'tollgate.service',
        'README.md',
      ]),
    );
    const { name, dependencies } = JSON.parse(read('package.json')) as {
      name: string;
      dependencies: { tollgate: string };
    };
    expect(name).toBe('my-shop');
    const from = path.resolve(project, dependencies.tollgate.replace('file:', ''));
    expect(JSON.parse(fs.readFileSync(path.join(from, 'package.json'), 'utf8'))).toMatchObject({ name: 'tollgate' });
    expect(read('flows/payment-callback.ts')).toContain("from 'tollgate/flows'");
    expect(read('.env.example')).toContain('#DATABASE_URL=');
  });

  test('never writes over a file that is there', async () => {
    fs.appendFileSync(path.join(project, 'flows', 'payment-callback.ts'), '// mine\n');
    fs.rmSync(path.join(project, 'README.md'));
    const { stdout } = await runCommand(['init', project, '--json']);
    const { files } = JSON.parse(stdout) as { files: { file: string; state: string }[] };
    expect(files.filter(({ state }) => state === 'written')).toEqual([{ file: 'README.md', state: 'written' }]);
    expect(read('flows/payment-callback.ts')).toContain('// mine');
  });
});

// What it starts runs the build, as a project does.
describe.skipIf(process.env['TOLLGATE_TEST_BUILT'] !== '1')("a made project's own test", { timeout: 300_000 }, () => {
  test('pays, declines, refunds and renews through the flows, and leaves nothing behind', async () => {
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-made-'));
    fs.chmodSync(temporary, 0o755);
    const { code, stdout } = await runCommand(['test', 'template/test/flows.test.ts'], { TMPDIR: temporary });
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/pass 4/) });
    // The database that the next ones are copied from is kept.
    expect(fs.readdirSync(temporary)).toEqual([`tollgate-testing-${process.getuid?.()}`]);
    fs.rmSync(temporary, { recursive: true });
  });
});
