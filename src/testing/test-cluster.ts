import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../storage/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';

/** A database with all migrations, gone without a trace once it is closed. */
export interface TestCluster {
  readonly url: string;
  close(): Promise<void>;
}

/** Nothing of it outlives the test, so nothing waits for the disk. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

const POSTGRES = 'postgres';

/** What makes the content of a fresh database. */
const MAKERS = ['../../migrations', '../storage'].map((folder) => path.resolve(import.meta.dirname, folder));

/** Named by what made it, so that another migration has another. */
const keptFolder = (): string => {
  const hash = createHash('sha256').update(process.arch);
  for (const folder of MAKERS)
    for (const name of fs.readdirSync(folder).sort()) hash.update(fs.readFileSync(path.join(folder, name)));
  return path.join(os.tmpdir(), `tollgate-testing-${process.getuid?.() ?? 'kept'}`, hash.digest('hex').slice(0, 16));
};

/** A folder that somebody else made there could hold anything. */
const isOurs = (folder: string): boolean => {
  fs.mkdirSync(folder, { recursive: true });
  const uid = process.getuid?.();
  return uid === undefined || fs.lstatSync(folder).uid === uid;
};

/** Starts a PostgreSQL on the folder, with all migrations. */
const startMigrated = async (folder: string): Promise<EmbeddedPostgres> => {
  fs.chmodSync(folder, 0o755); // started by root, PostgreSQL runs as somebody else
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, POSTGRES), settings: FAST });
  try {
    await migrate(postgres.url);
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
};

/** Makes the cluster that the later ones are copied from, whole or not at all; two at once leave one. */
const keep = async (kept: string): Promise<void> => {
  const staging = fs.mkdtempSync(`${kept}-`);
  try {
    await (await startMigrated(staging)).stop();
    fs.renameSync(staging, kept);
  } catch (error) {
    if (!fs.existsSync(kept)) throw error;
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
};

const giveAll = (folder: string, { uid, gid }: fs.Stats): void => {
  const names = fs.readdirSync(folder, { recursive: true }) as string[];
  for (const file of [folder, ...names.map((name) => path.join(folder, name))]) fs.lchownSync(file, uid, gid);
};

/** Copies a stopped cluster, its owner included. */
const copyKept = (kept: string, folder: string): void => {
  const [from, to] = [path.join(kept, POSTGRES), path.join(folder, POSTGRES)];
  const isProgram = (name: string): boolean => name.startsWith('binaries-');
  fs.cpSync(from, to, { recursive: true, filter: (file) => !isProgram(path.basename(file)) });
  if (process.getuid?.() === 0) giveAll(to, fs.statSync(path.join(from, 'cluster')));
  // Last, so that nobody follows them into what all copies share.
  for (const name of fs.readdirSync(from).filter(isProgram))
    fs.symlinkSync(path.join(from, name), path.join(to, name), 'junction');
};

/**
 * Starts a PostgreSQL of its own in a temporary folder, with all migrations. The first one on a machine is made and kept, for
 * the later ones to be copied from.
 */
export const startTestCluster = async (): Promise<TestCluster> => {
  const kept = keptFolder();
  const mayCopy = isOurs(path.dirname(kept));
  if (mayCopy && !fs.existsSync(kept)) await keep(kept);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-testing-'));
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true });
  try {
    fs.chmodSync(folder, 0o755);
    const isCopied = mayCopy && fs.existsSync(path.join(kept, POSTGRES, 'cluster'));
    if (isCopied) copyKept(kept, folder);
    const postgres = isCopied
      ? await startEmbeddedPostgres({ dataDir: path.join(folder, POSTGRES), settings: FAST })
      : await startMigrated(folder);
    return {
      url: postgres.url,
      async close() {
        await postgres.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
};
