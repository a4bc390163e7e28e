#!/usr/bin/env node
// npx tollgate. The installed package holds what it runs; a checkout, known by its scripts, builds first what is missing.
import './node-version.mjs';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithParent } from './parent.mjs';

// What the environment says itself goes first.
if (fs.existsSync('.env')) process.loadEnvFile('.env');
const checkout = new URL('../scripts/tollgate.mjs', import.meta.url);
if (fs.existsSync(checkout)) {
  await import(checkout.href);
} else {
  endWithParent();
  const cli = new URL('../dist/src/cli.js', import.meta.url);
  process.argv[1] = fileURLToPath(cli);
  await import(cli.href);
}
