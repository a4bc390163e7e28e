import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, EmbeddedPostgresError, locateBinaries } from './embedded-binaries.js';
import { canEnter, giveTo, type RunAs, unprivilegedUser } from './embedded-user.js';

const run = promisify(execFile);
const SYSTEM_HOME = '/var/lib/tollgate';
const NOTE = 'location.json';

/** A database cluster on disk that is ready to be started. */
export interface Cluster {
  /** PostgreSQL's data directory. */
  readonly directory: string;
  readonly password: string;
  readonly binaries: Binaries;
  readonly user: RunAs;
}

/** The environment for PostgreSQL's programs: ours without its own variables, in a fixed language and time zone. */
export const postgresEnv = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))),
  LC_ALL: 'C',
  TZ: 'UTC',
});

/**
 * Opens the cluster kept in `dataDir`, making it where there is none. As root, where the unprivileged user can't reach
 * `dataDir`, it lives in /var/lib/tollgate/<hash of the path> and `dataDir` notes where. Safe to run twice and at once: a
 * cluster appears whole or not at all.
 * @throws EmbeddedPostgresError when PostgreSQL's programs don't run here or the folder belongs to someone else.
 */
export const openCluster = async (dataDir: string): Promise<Cluster> => {
  fs.mkdirSync(dataDir, { recursive: true });
  const home = await chooseHome(fs.realpathSync(dataDir));
  const directory = path.join(home, 'cluster');
  const user = unprivilegedUser(directory);
  try {
    giveTo(user, home, 0o700);
    const binaries = await locateBinaries(user, home);
    const password = keepPassword(path.join(home, 'password'), user);
    if (!fs.existsSync(directory)) await initialise({ directory, password, binaries, user });
    return { directory, password, binaries, user };
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause;
    const detail = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new EmbeddedPostgresError(`The embedded database in ${home} can't be opened: ${detail}`, { cause });
  }
};

/** The folder that holds cluster, password and copied binaries. */
const chooseHome = async (dataDir: string): Promise<string> => {
  const user = unprivilegedUser(path.join(dataDir, 'cluster'));
  if (await canEnter(path.dirname(dataDir), user)) return dataDir;
  const home =
    notedHome(dataDir) ?? path.join(SYSTEM_HOME, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
  fs.mkdirSync(home, { recursive: true });
  fs.chmodSync(SYSTEM_HOME, 0o755);
  fs.writeFileSync(path.join(dataDir, NOTE), `${JSON.stringify({ cluster: home, of: dataDir }, undefined, 2)}\n`);
  return home;
};

/** A moved checkout keeps its cluster; a copied one gets its own. */
const notedHome = (dataDir: string): string | undefined => {
  const file = path.join(dataDir, NOTE);
  if (!fs.existsSync(file)) return undefined;
  const { cluster, of } = JSON.parse(fs.readFileSync(file, 'utf8')) as { cluster: string; of: string };
  return (of === dataDir || !fs.existsSync(of)) && fs.existsSync(cluster) ? cluster : undefined;
};

const keepPassword = (file: string, user: RunAs): string => {
  if (!fs.existsSync(file)) {
    const staging = `${file}.${randomBytes(6).toString('hex')}`;
    fs.writeFileSync(staging, randomBytes(24).toString('base64url'), { mode: 0o600 });
    giveTo(user, staging, 0o600);
    try {
      fs.linkSync(staging, file); // unlike a rename, never replaces one that another process has just made
    } catch (error) {
      if (!fs.existsSync(file)) throw error;
    } finally {
      fs.rmSync(staging);
    }
  }
  return fs.readFileSync(file, 'utf8');
};

const initialise = async ({ directory, binaries, user }: Cluster): Promise<void> => {
  const staging = `${directory}-${randomBytes(6).toString('hex')}`;
  const passwordFile = path.join(path.dirname(directory), 'password');
  const options = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C'];
  try {
    await run(binaries.initdb, ['-D', staging, ...options, '--no-sync', '--no-instructions'], {
      ...user,
      env: postgresEnv(),
      cwd: path.parse(directory).root,
    });
    fs.renameSync(staging, directory);
  } catch (error) {
    fs.rmSync(staging, { recursive: true, force: true });
    if (!fs.existsSync(path.join(directory, 'PG_VERSION'))) throw error;
  }
};
