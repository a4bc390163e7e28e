// npx tollgate in a checkout: the commands. What is installed or built first is told on stderr, so that --json stays JSON.
import '../bin/node-version.mjs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { endWithParent } from '../bin/parent.mjs';
import { ensureAll, ensureServer } from './ensure.mjs';
import { root } from './run.mjs';
import { failed } from './step.mjs';

endWithParent();
const ensure = process.argv[2] === 'start' ? ensureAll : ensureServer; // a server has pages
await ensure({ say: (text) => process.stderr.write(text) }).catch(failed);
const cli = path.join(root, 'dist', 'src', 'cli.js');
process.argv[1] = cli;
await import(pathToFileURL(cli).href);
