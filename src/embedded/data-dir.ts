import fs from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { giveTo, unprivilegedUser } from '../storage/embedded-user.js';

/** Another process owns the data directory; the message says where it answers. */
export class AlreadyRunningError extends Error {
  constructor(dataDir: string, url: string | undefined) {
    super(
      url === undefined
        ? `Another Tollgate is starting on ${dataDir}. Wait for it, stop it, or set TOLLGATE_DATA_DIR to another folder.`
        : `Tollgate already runs on ${dataDir}: ${url}. Use that one, stop it, or set TOLLGATE_DATA_DIR to another folder.`,
    );
    this.name = 'AlreadyRunningError';
  }
}

/** Where a running process answers. */
export interface Addresses {
  readonly url: string;
  /** The sandbox that it brought, if any. */
  readonly sandboxUrl?: string | undefined;
}

/** One process's claim on a data directory. */
export interface RunLock {
  /** Tells later starts and commands where this one answers. */
  announce(addresses: Addresses): Promise<void>;
  release(): Promise<void>;
}

const LockFile = z.object({
  pid: z.number().int().positive(),
  startedAt: z.string(),
  url: z.string().optional(),
  sandboxUrl: z.string().optional(),
});
type LockFile = z.infer<typeof LockFile>;

const fileIn = (dataDir: string): string => path.join(dataDir, 'run.json');

const readLock = async (file: string): Promise<LockFile | undefined> => {
  try {
    return LockFile.parse(JSON.parse(await fs.readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** When the process started, according to the system: a recycled pid has another time. Empty if unknown. */
const startOf = async (pid: number): Promise<string> => {
  const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

const isHeld = async (lock: LockFile | undefined): Promise<boolean> =>
  lock !== undefined && isAlive(lock.pid) && (await startOf(lock.pid)) === lock.startedAt;

/**
 * The process that owns the data directory; undefined when none does.
 *
 * @throws AlreadyRunningError when it is still starting, so that nothing can be asked of it
 */
export const findRunning = async (dataDir: string): Promise<Addresses | undefined> => {
  const lock = await readLock(fileIn(dataDir));
  if (!(await isHeld(lock))) return undefined;
  if (lock?.url === undefined) throw new AlreadyRunningError(dataDir, undefined);
  return { url: lock.url, sandboxUrl: lock.sandboxUrl };
};

/**
 * Makes the data directory for its owner alone; as root, for the account that PostgreSQL runs as, which must get in. One
 * that is there and holds something keeps its mode unless it has the usual name: it may be meant for others too.
 */
const openDataDir = async (dataDir: string): Promise<void> => {
  const made = await fs.mkdir(dataDir, { recursive: true });
  const isOurs =
    made !== undefined || path.basename(dataDir) === '.tollgate' || (await fs.readdir(dataDir)).length === 0;
  const { uid } = await fs.stat(dataDir);
  const self = process.getuid?.();
  if (isOurs && (self === 0 || self === uid))
    giveTo(unprivilegedUser(path.join(dataDir, 'postgres', 'cluster')), dataDir, 0o700);
};

/**
 * Claims the data directory for this process; a claim left by a killed one is taken over.
 *
 * @throws AlreadyRunningError naming the address of the one that runs
 */
export const claimDataDir = async (dataDir: string): Promise<RunLock> => {
  await openDataDir(dataDir);
  const file = fileIn(dataDir);
  const mine: LockFile = { pid: process.pid, startedAt: await startOf(process.pid) };
  for (let tries = 0; ; tries += 1) {
    try {
      await fs.writeFile(file, JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 3) throw error;
      const lock = await readLock(file);
      if (await isHeld(lock)) throw new AlreadyRunningError(dataDir, lock?.url);
      await fs.rm(file, { force: true });
    }
  }
  return {
    announce: (addresses) => fs.writeFile(file, JSON.stringify({ ...mine, ...addresses }), { mode: 0o600 }),
    release: () => fs.rm(file, { force: true }),
  };
};
