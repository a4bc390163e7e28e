// What the packages hold, as lines that a person can read and keep: scripts/package-contents.txt, which a release and tests compare.
//   node scripts/package-contents.mjs      prints the list anew; read the difference before it is kept
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/** The packages, each with the folder that it is packed from. */
export const PACKAGES = { tollgate: '.', 'tollgate-client': 'client' };
export const CONTENTS = path.join('scripts', 'package-contents.txt');

/** Where the compiler's outputs come from: an output without its source is left over from one that is gone. */
const SOURCES = [
  { output: /^(?:dist|types)\/(src|sandbox|migrations)\/(.+?)\.(?:js|d\.ts)$/, source: '$1/$2' },
  { output: /^dist\/([^/]+?)\.(?:js|d\.ts)$/, source: 'src/$1' },
];

const hasSource = (file, folder) =>
  SOURCES.some(
    ({ output, source }) =>
      output.test(file) &&
      ['.ts', '.tsx'].some((ending) => fs.existsSync(path.join(folder, `${file.replace(output, source)}${ending}`))),
  );

/** Pages of the docs that a commit holds; others may be somebody's notes. */
const trackedPages = (folder) => {
  const { stdout } = spawnSync('git', ['ls-files', 'docs'], { cwd: folder, encoding: 'utf8' });
  return new Set(stdout.split('\n').filter((file) => /^docs\/(?:recipes\/)?[a-z-]+\.md$/.test(file)));
};

/**
 * The lines for the files of a package: compiled files that have their source as one line for each sort, pages of the docs
 * as one line, the web pages' files without their hash, and everything else by its name.
 */
export const listContents = (files, folder) => {
  const pages = trackedPages(folder);
  const line = (file) => {
    if (pages.has(file)) return `${path.dirname(file)}/*.md`;
    if (hasSource(file, folder))
      return `${/^(?:(?:dist|types)\/(?:src|sandbox|migrations)|dist)\//.exec(file)[0]}**${/\.(?:d\.ts|js)$/.exec(file)[0]}`;
    return file.replace(/^(web\/dist\/assets\/[a-z-]+)-[\w-]{8}\.(css|js|svg)$/, '$1-*.$2');
  };
  return [...new Set(files.map(line))].sort();
};

/** The kept lines of a package. */
export const keptContents = (name) =>
  fs
    .readFileSync(path.join(root, CONTENTS), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []));

/** What is packed beside the kept list, and what of the list isn't packed, in words; nothing where they are equal. */
export const compareContents = (name, files, folder = path.join(root, PACKAGES[name])) => {
  const lines = listContents(files, folder);
  const kept = keptContents(name);
  return [
    ...lines
      .filter((line) => !kept.includes(line))
      .map((line) => `${name} packs ${line}, which ${CONTENTS} doesn't list`),
    ...kept
      .filter((line) => !lines.includes(line))
      .map((line) => `${name} doesn't pack ${line}, which ${CONTENTS} lists`),
  ];
};

/** The files that npm would pack of what is built by now. */
export const packedFiles = (name) => {
  const words = ['pack', '--dry-run', '--ignore-scripts', '--json', '--silent'];
  const { stdout, status, stderr } = spawnSync('npm', words, {
    cwd: path.join(root, PACKAGES[name]),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm pack of ${name}: exit code ${status}\n${stderr}`);
  return JSON.parse(stdout)[0].files.map((file) => file.path);
};

if (process.argv[1] === import.meta.filename)
  for (const [name, folder] of Object.entries(PACKAGES))
    for (const line of listContents(packedFiles(name), path.join(root, folder)))
      process.stdout.write(`${name}: ${line}\n`);
