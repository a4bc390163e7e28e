import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLI_WORDS } from '../cli/command.js';
import { type ServerProcess, startServerProcess } from '../harness/server-process.js';

const root = new URL('../../', import.meta.url);
const read = (file: string): string => fs.readFileSync(new URL(file, root), 'utf8');

/** The pages that the index says are run, in its order. */
const PAGES = [...read('docs/index.md').matchAll(/\]\((\S+\.md)\) ▶/g)].map(([, page]) => `docs/${page}`);

/** A block of a page: its lines, and what it says that each part of it prints. */
interface Step {
  readonly place: string;
  readonly script: string;
  readonly promised: string;
}

const MARK = '@@@';

/** Each block is cut after every line that tells an answer. */
const stepsOf = (page: string): Step[] =>
  [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(({ 1: block = '' }, index) => {
    const parts = block.split(/^# → (.*)\n/m);
    const steps: Step[] = [];
    for (let at = 0; at < parts.length; at += 2)
      if (parts[at]?.trim())
        steps.push({ place: `${page} ${index + 1}`, script: parts[at] ?? '', promised: parts[at + 1] ?? '' });
    return steps;
  });

const STEPS = PAGES.flatMap(stepsOf);
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-docs-'));
fs.chmodSync(dataDir, 0o755); // the embedded database may run as another user
let server: ServerProcess;
let printed: string[] = [];

beforeAll(async () => {
  server = await startServerProcess({ TOLLGATE_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' });
  const places = { 'http://127.0.0.1:4000': server.url ?? '', 'http://127.0.0.1:4010': server.sandboxUrl ?? '' };
  const command = [process.execPath, ...CLI_WORDS].map((word) => `'${word}'`).join(' ');
  const lines = [
    'set -euo pipefail',
    `npx() { shift; ${command} "$@"; }`,
    ...STEPS.flatMap(({ script }) => [script, `echo '${MARK}'`]),
  ];
  let script = lines.join('\n');
  for (const [written, real] of Object.entries(places)) script = script.replaceAll(written, real);
  const child = spawn('bash', ['-c', script], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TOLLGATE_DATA_DIR: dataDir, SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  await once(child, 'close');
  printed = output.split(`${MARK}\n`);
}, 180_000);
afterAll(async () => {
  await server?.end('SIGTERM');
  fs.rmSync(dataDir, { recursive: true, force: true });
});

test('the pages that the index marks are there, with what they promise', () => {
  expect(PAGES.length).toBeGreaterThan(5);
  expect(STEPS.filter(({ promised }) => promised !== '').length).toBeGreaterThan(20);
});

test('each runs to its end', () => {
  const [last] = STEPS.slice(printed.length - 1);
  expect(last && `${last.place}:\n${last.script}\n${printed.at(-1)}`).toBeUndefined();
});

test.each(STEPS.map((step, index) => ({ ...step, index })))('$place: $promised', ({ index, promised }) => {
  const answer = printed[index];
  expect(answer).toContain(promised);
  if (!/^[A-Z_]+$/.test(promised)) expect(answer).not.toContain('"errors"');
});
