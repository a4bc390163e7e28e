import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';

/** A database with all migrations, gone without a trace once it is closed. */
export interface TestCluster {
  readonly url: string;
  close(): Promise<void>;
}

/** Nothing of it outlives the test, so nothing waits for the disk. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Starts a PostgreSQL of its own in a temporary folder. */
export const startTestCluster = async (): Promise<TestCluster> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-testing-'));
  fs.chmodSync(folder, 0o755); // started by root, PostgreSQL runs as somebody else
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true });
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'postgres'), settings: FAST });
    try {
      await migrate(postgres.url);
    } catch (error) {
      await postgres.stop();
      throw error;
    }
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
