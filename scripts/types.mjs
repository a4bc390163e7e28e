// Before npm pack: the declarations of what the package exports, and of nothing else, in types/.
import '../bin/node-version.mjs';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, runNode } from './run.mjs';
import { failed, show, step } from './step.mjs';

const IMPORTED = /(?:from|import)\s*\(?\s*'(\.[^']+)\.js'/g;

/** The declarations that a file of them names, itself first. */
const reached = (file, seen = new Set()) => {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name] of fs.readFileSync(file, 'utf8').matchAll(IMPORTED))
    reached(path.resolve(path.dirname(file), `${name}.d.ts`), seen);
  return seen;
};

const { exports } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [types]));
const all = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-types-'));
const tsc = path.join('node_modules', 'typescript', 'bin', 'tsc');
const flags = ['--declaration', '--emitDeclarationOnly', '--sourceMap', 'false', '--outDir', all];
await step(show, 'Writing the declarations', () =>
  runNode([tsc, '-p', 'tsconfig.json', ...flags], { capture: true }),
).catch(failed);
fs.rmSync(path.join(root, 'types'), { recursive: true, force: true });
for (const entry of entries)
  for (const file of reached(path.join(all, path.relative('types', entry)))) {
    const kept = path.join(root, 'types', path.relative(all, file));
    fs.mkdirSync(path.dirname(kept), { recursive: true });
    fs.copyFileSync(file, kept);
  }
fs.rmSync(all, { recursive: true });
