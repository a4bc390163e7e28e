import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { NOUNS } from './nouns.js';
import { entitiesOf } from './parts/entities.js';
import { createDataSource } from './storage/data-source.js';
import { startEmbeddedPostgres } from './storage/embedded-postgres.js';
import { migrate } from './storage/migrate.js';

/** Fails when an entity says something that the migrations don't make: the missing statements are printed. */
const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'tollgate-migrations-'));
const postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off', synchronous_commit: 'off' } });
try {
  await migrate(postgres.url);
  const source = await createDataSource(postgres.url, entitiesOf(NOUNS), 1).initialize();
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  await source.destroy();
  for (const { query } of upQueries) console.error(`missing in the migrations: ${query}`);
  process.exitCode = upQueries.length > 0 ? 1 : 0;
} finally {
  await postgres.stop();
  await fs.rm(dataDir, { recursive: true, force: true });
}
