#!/usr/bin/env node
// npx tollgate: the commands. What is installed or built first is told on stderr, so that --json stays JSON.
import './node-version.mjs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureAll, ensureServer } from './ensure.mjs';
import { endWithParent } from './parent.mjs';
import { root } from './run.mjs';
import { EnsureError, failed } from './step.mjs';
import { flowlessBuild } from './targets.mjs';

endWithParent();
/** Where the flows alone do not compile, every command that needs none works all the same, the doctor first. */
const orWithoutFlows = (error) => {
  const folder = error instanceof EnsureError ? flowlessBuild() : undefined;
  if (folder === undefined) return failed(error);
  process.stderr.write('The callback flows do not compile; what needs none goes on. "npx tollgate doctor" says why.\n');
  return folder;
};
const ensure = process.argv[2] === 'start' ? ensureAll : ensureServer; // a server has pages
const dist = await ensure({ say: (text) => process.stderr.write(text) }).then(
  () => path.join(root, 'dist'),
  orWithoutFlows,
);
const cli = path.join(dist, 'src', 'cli.js');
process.setSourceMapsEnabled(true);
process.argv[1] = cli;
await import(pathToFileURL(cli).href);
