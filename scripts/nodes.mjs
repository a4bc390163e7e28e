// Runs Tollgate on each Node that it supports, brought by the npm package "node"; a release runs it.
//   node scripts/nodes.mjs            what differs between them: flows, the package, the first payment, the doors
//   node scripts/nodes.mjs --all      everything that `npm test` runs
//   node scripts/nodes.mjs 24 22      these alone
// Each prints one line with its seconds; exit code 0 only if all passed.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureInstalled } from './install.mjs';
import { root, secondsSince } from './run.mjs';
import { ensureBuilt, TARGETS } from './targets.mjs';

const SUPPORTED = ['20', '22', '24'];
/** Loading of flows, processes and threads, sockets, crypto, and the test package: what a Node may change. */
const QUICK = [
  'test/flows',
  'test/testing',
  'test/inbox/endpoint.test.ts',
  'test/http',
  'test/cli/init.test.ts',
  'test/watchdog.test.ts',
  'test/stop.test.ts',
];

const words = process.argv.slice(2);
const isAll = words.includes('--all');
const named = words.filter((word) => !word.startsWith('--'));
const majors = named.length > 0 ? named : SUPPORTED;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-nodes-'));
fs.chmodSync(folder, 0o755); // programs that root gives up its rights for are run from here

/** Runs a program to its end and gives what it printed; throws with the end of it unless the code is 0. */
const run = async (program, args, env = process.env) => {
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${output.slice(-12_000)}`);
  return output.trim().split('\n').at(-1);
};

/** An environment in which "node" is this version, for whatever is started in it too. */
const environmentOf = async (major) => {
  const prefix = path.join(folder, major);
  await run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error', `node@${major}`]);
  const bin = path.join(prefix, 'node_modules', 'node', 'bin');
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
};

await ensureInstalled();
await ensureBuilt(TARGETS.server);
try {
  for (const major of majors) {
    const startedAt = performance.now();
    process.stdout.write(`Node ${major} … `);
    try {
      const env = await environmentOf(major);
      const version = await run('node', ['--version'], env);
      const counts = await run('node', ['scripts/test.mjs', ...(isAll ? [] : QUICK)], env);
      const paid = await run('node', ['scripts/first-payment.mjs'], env);
      process.stdout.write(`${version} in ${secondsSince(startedAt)}  ${counts}; first payment: ${paid}\n`);
    } catch (error) {
      process.stdout.write(`FAILED after ${secondsSince(startedAt)}\n`);
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    }
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
