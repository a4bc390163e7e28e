import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { forgetProcess, watchProcess } from '../harness/steward.js';

test('a proof that is interrupted says so of what was under way, and finds nothing broken', {
  timeout: 180_000,
}, async () => {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['scripts/prove.mjs'], {
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  await watchProcess(child.pid ?? 0);
  const ended = once(child, 'close');
  let table = '';
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => {
    table += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    const wasBegun = told.includes('simulated worlds …');
    told += chunk.toString();
    if (!wasBegun && told.includes('simulated worlds …')) child.kill('SIGINT');
  });
  const [code] = await ended;
  await forgetProcess(child.pid ?? 0);
  expect(code, told).toBe(1);
  expect(table).toMatch(/^simulated worlds\s+interrupted/m);
  expect(table).toMatch(/^kill -9 under load\s+not begun/m);
  expect(table).toMatch(/^properties\s+not begun/m);
  expect(table).not.toContain('BROKEN');
});
