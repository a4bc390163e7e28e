// npm run bench [-- name …]: installs and builds what is missing, also what only the benchmarks need, and runs them.
import '../bin/node-version.mjs';
import path from 'node:path';
import { ensureServer } from './ensure.mjs';
import { ensureInstalled } from './install.mjs';
import { root, runNode } from './run.mjs';
import { failed } from './step.mjs';

const bench = path.join(root, 'bench');
const say = (text) => process.stdout.write(text.replace(/^Installing/, "Installing the benchmarks' own"));

await ensureServer().catch(failed);
await ensureInstalled({ root: bench, say }).catch(failed);
process.exitCode = (await runNode([path.join(bench, 'bench.mjs'), ...process.argv.slice(2)])).code;
