import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';

const root = path.resolve(import.meta.dirname, '..', '..');
const FLOW = 'payment-callback.ts';

/** A project's folder of flows as `init` makes it, with the checkout's packages beside it. */
const makeProject = (): string => {
  const project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate project ')));
  const flows = path.join(project, 'flows');
  fs.cpSync(path.join(root, 'flows'), flows, { recursive: true });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(project, 'node_modules'));
  const settings = { extends: path.join(root, 'tsconfig.json'), include: ['**/*.ts'] };
  fs.writeFileSync(
    path.join(flows, 'tsconfig.json'),
    JSON.stringify({ ...settings, compilerOptions: { noEmit: true, rootDir: '/' } }),
  );
  return project;
};

describe('flows in the folder of a project', () => {
  let project: string;
  const flow = (text: string): void => fs.writeFileSync(path.join(project, 'flows', FLOW), text);
  const good = fs.readFileSync(path.join(root, 'flows', FLOW), 'utf8');
  beforeAll(() => {
    project = makeProject();
  });
  afterAll(() => fs.rmSync(project, { recursive: true }));

  /** A start that is refused before anything is opened. */
  const refused = async (environment: Record<string, string> = {}): Promise<string> => {
    const { code, stderr } = await runCommand(['start'], {
      TOLLGATE_FLOWS: path.join(project, 'flows'),
      TOLLGATE_DATA_DIR: path.join(project, '.tollgate'),
      ...environment,
    });
    expect(code).toBe(1);
    return stderr;
  };

  test('an error of types stops a start in development, and names file, line and remedy', async () => {
    flow(good.replace('callbackProcessed) return;', 'callbackProcessed.length > 0) return;'));
    const said = await refused();
    expect(said).toMatch(/flows\/payment-callback\.ts\(\d+,\d+\): error TS\d+: Property 'length' does not exist/);
    expect(said).toContain('Mend what is named, and start again');
  });

  test('an error of syntax, and an export that is missing, name file, line and remedy', async () => {
    fs.rmSync(path.join(project, 'flows', 'tsconfig.json')); // no compiler looks then
    flow(`${good}\nexport const = 1;\n`);
    expect(await refused()).toMatch(
      /flows\/payment-callback\.ts can't be used: .*ParseError.*payment-callback\.ts:\d+:\d+\. Mend the file/,
    );
    flow(good.replaceAll('paymentCallback', 'callback'));
    expect(await refused()).toContain('it does not export paymentCallback. Mend the file');
  });

  test('flows that are written for a newer API than this one are refused, with the remedy; without a word they are of the first', async () => {
    const file = path.join(project, 'package.json');
    fs.writeFileSync(file, JSON.stringify({ tollgate: { flows: 99 } }));
    expect(await refused()).toMatch(/written for the API 99 .*this Tollgate has 1\. Upgrade the package tollgate/);
    fs.writeFileSync(file, JSON.stringify({ tollgate: { flows: 1 } }));
    flow('export const = 1;');
    expect(await refused()).toContain('ParseError');
    fs.rmSync(file);
  });

  test('a folder that is missing is named, with what to do', async () => {
    expect(await refused({ TOLLGATE_FLOWS: path.join(project, 'nowhere') })).toMatch(
      /There are no callback flows: .*nowhere is no folder.*"npx tollgate init", or set TOLLGATE_FLOWS/,
    );
  });
});

describe('flows that import', () => {
  let bed: TestBed;
  let project: string;
  beforeAll(async () => {
    bed = await openTestBed();
    project = makeProject();
  });
  afterAll(async () => {
    await bed.close();
    fs.rmSync(project, { recursive: true });
  });

  test('from tollgate/flows, files beside them and packages load as they are written, and leave nothing on disk', async () => {
    fs.writeFileSync(path.join(project, 'flows', 'words.ts'), `export enum Word { Sent = 'sent' }\n`);
    fs.mkdirSync(path.join(project, 'flows', 'effects'));
    fs.writeFileSync(
      path.join(project, 'flows', 'effects', 'receipt.ts'),
      `import { defineEffect } from 'tollgate/flows';
import { z } from 'zod';
import { Word } from '../words.js';
const Payload = z.object({ to: z.string() });
export const receipt = defineEffect<z.infer<typeof Payload>>({ name: Word.Sent, run: ({ to }, { log }) => log.info({ to }) });
`,
    );
    const before = fs.readdirSync(project, { recursive: true });
    const { code, stdout } = await runCommand(['doctor'], {
      ...bed.environment,
      TOLLGATE_FLOWS: path.join(project, 'flows'),
    });
    expect({ code, stdout }).toMatchObject({ stdout: expect.stringContaining('callback flows: all of them load') });
    expect(fs.readdirSync(project, { recursive: true })).toEqual(before);
  });

  test('a flow that can not be used stops no command that needs none', async () => {
    fs.writeFileSync(path.join(project, 'flows', FLOW), 'export const = 1;');
    const environment = { ...bed.environment, TOLLGATE_FLOWS: path.join(project, 'flows') };
    expect(await runCommand(['events', 'list', '--json'], environment)).toMatchObject({ code: 0 });
    expect((await runCommand(['doctor'], environment)).stdout).toContain("payment-callback.ts can't be used");
  });
});
