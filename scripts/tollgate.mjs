#!/usr/bin/env node
// npx tollgate: the commands. What is installed or built first is told on stderr, so that --json stays JSON.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureServer } from './ensure.mjs';
import { endWithParent } from './parent.mjs';
import { root } from './run.mjs';
import { failed } from './step.mjs';

endWithParent();
await ensureServer({ say: (text) => process.stderr.write(text) }).catch(failed);
const cli = path.join(root, 'dist', 'src', 'cli.js');
process.setSourceMapsEnabled(true);
process.argv[1] = cli;
await import(pathToFileURL(cli).href);
