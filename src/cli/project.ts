import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentExample } from '../environment/environment-page.js';
import { FLOWS_API } from '../flows/api-version.js';
import { readVersion } from './version.js';

/** This package's folder, whether the sources run or the build does. */
const PACKAGE = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url));

/** npm leaves out or renames files of these names in a package. */
const HIDDEN: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  dockerignore: '.dockerignore',
};

/** What became of one file of a project. */
export interface ProjectFile {
  /** Relative to the project. */
  readonly file: string;
  readonly state: 'written' | 'kept';
}

const readJson = (file: string): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

/** A path as npm writes it after `file:`. */
const fileSpec = (project: string, file: string): string =>
  `file:${path.relative(project, file).split(path.sep).join('/')}`;

/** How a project depends on this very package: its version, or where the tarball or the checkout lies that it came from. */
const specOf = (project: string): string => {
  const modules = path.dirname(PACKAGE);
  if (path.basename(modules) !== 'node_modules') return fileSpec(project, PACKAGE);
  const lock = readJson(path.join(modules, '.package-lock.json'));
  const packages = (lock?.['packages'] ?? {}) as Record<string, { resolved?: string } | undefined>;
  const resolved = packages['node_modules/tollgate']?.resolved;
  if (resolved?.startsWith('file:') !== true) return readVersion();
  return fileSpec(project, path.resolve(modules, '..', decodeURI(resolved.slice('file:'.length))));
};

/** A folder's name as a package may be called. */
const nameOf = (project: string): string =>
  path
    .basename(project)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '') || 'payments';

const packageOf = (project: string): string => {
  const { devDependencies = {} } = (readJson(path.join(PACKAGE, 'package.json')) ?? {}) as {
    devDependencies?: Record<string, string>;
  };
  const pinned = ['@graphql-yoga/render-graphiql', '@types/node', 'typescript'].flatMap((name) => {
    const version = devDependencies[name];
    return version === undefined ? [] : [[name, version]];
  });
  const content = {
    name: nameOf(project),
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      start: 'tollgate start',
      dev: 'tollgate dev',
      migrate: 'tollgate migrate',
      types: 'tsc -p flows && tsc -p test',
      test: 'tollgate test',
    },
    tollgate: { flows: FLOWS_API },
    dependencies: { tollgate: specOf(project) },
    devDependencies: Object.fromEntries(pinned),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
};

const filesBelow = (folder: string): string[] =>
  (fs.readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => fs.statSync(path.join(folder, name)).isFile())
    .sort();

/** Every file of a new project with its text. */
const contentOf = (project: string): ReadonlyMap<string, string> => {
  const files = new Map([
    ['package.json', packageOf(project)],
    ['.env.example', environmentExample()],
  ]);
  const [template, flows] = [path.join(PACKAGE, 'template'), path.join(PACKAGE, 'flows')];
  for (const name of filesBelow(template))
    files.set(HIDDEN[name] ?? name, fs.readFileSync(path.join(template, name), 'utf8'));
  for (const name of filesBelow(flows).filter((file) => file.endsWith('.ts')))
    files.set(path.join('flows', name), fs.readFileSync(path.join(flows, name), 'utf8'));
  return files;
};

/** Writes the files of a project that are not there yet; a file that is there stays as it is, so twice changes nothing. */
export const writeProject = (project: string): ProjectFile[] =>
  [...contentOf(project)].map(([file, text]) => {
    const at = path.join(project, file);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    try {
      fs.writeFileSync(at, text, { flag: 'wx' });
      return { file, state: 'written' };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return { file, state: 'kept' };
    }
  });
