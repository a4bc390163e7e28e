// What the benchmarks run on: PostgreSQL as the product brings it, the sandbox, and Tollgate built and in its own process.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startSandbox } from '../dist/sandbox/sandbox.js';
import { prepareSample, SAMPLE_ORDERS } from '../dist/src/embedded/embedded-run.js';
import { signToken } from '../dist/src/graphql/token.js';
import { createPlans } from '../dist/src/installation/plan.js';
import { createActivation } from '../dist/src/orders/activation.js';
import { createOrders } from '../dist/src/orders/orders.js';
import { createDatabase } from '../dist/src/storage/database.js';
import { startEmbeddedPostgres } from '../dist/src/storage/embedded-postgres.js';
import { migrate } from '../dist/src/storage/migrate.js';
import { ACCOUNT } from './account.mjs';
import { startServer } from './processes.mjs';

const JWT_SECRET = 'a secret for benchmarks alone, long enough for HS256';
export const WEBHOOK_SECRET = 'whsec_sandbox';

/** Opens the bed. `stop` ends all that was started with it, in reverse. */
export const openBed = async () => {
  const stops = [];
  let stopping;
  const stopAll = async () => {
    for (const step of stops.reverse()) await step();
  };
  const stop = () => {
    stopping ??= stopAll();
    return stopping;
  };
  // PostgreSQL outlives an interrupted terminal: it is stopped like at the end.
  const interrupted = () => stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  stops.push(async () => process.off('SIGINT', interrupted).off('SIGTERM', interrupted));
  try {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-bench-'));
    fs.chmodSync(dataDir, 0o755);
    stops.push(async () => fs.rmSync(dataDir, { recursive: true, force: true }));
    // Durable, as in a real run; only the number of connections is raised, for several servers at once.
    const postgres = await startEmbeddedPostgres({ dataDir, settings: { max_connections: '400' } });
    stops.push(() => postgres.stop());
    await migrate(postgres.url);
    await prepareSample(postgres.url);
    await activate(postgres.url);
    const sql = new pg.Pool({ connectionString: postgres.url, max: 4 });
    sql.on('error', () => undefined); // its last connections may still close while the database stops
    stops.push(() => sql.end());
    const sandbox = await startSandbox({ port: 0, webhookSecret: WEBHOOK_SECRET });
    stops.push(() => sandbox.close());
    return {
      databaseUrl: postgres.url,
      postgresPid: postgres.process.pid,
      sandboxUrl: sandbox.url,
      sql,
      stop,
      token: () => signToken(JWT_SECRET, { accountId: ACCOUNT, expiresInSeconds: 3600 }),
      /** What is started for a benchmark and must end with it. */
      keep: (part) => {
        stops.push(() => part.stop());
        return part;
      },
      startTollgate: (environment = {}) =>
        startServer('../dist/src/main.js', {
          environment: {
            DATABASE_URL: postgres.url,
            PORT: '0',
            STRIPE_API_BASE: sandbox.url,
            STRIPE_SECRET_KEY: 'sk_test_sandbox',
            STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
            STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
            JWT_SECRET,
            LOG_LEVEL: 'warn', // the peers write no log either
            TOLLGATE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
            // Everything is counted, and one client may do what a benchmark does.
            TOLLGATE_LIMIT_OPERATIONS_PER_ACCOUNT: '100000000',
            TOLLGATE_LIMIT_OPERATIONS_PER_ADDRESS: '100000000',
            TOLLGATE_LIMIT_SOCKETS_PER_ADDRESS: '0',
            TOLLGATE_OUTGOING_HOSTS: '127.0.0.1',
            ...environment,
          },
          nodeOptions: (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean),
        }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

const activate = async (url) => {
  const database = createDatabase({ url, poolSize: 1 });
  try {
    await createActivation({ database, orders: createOrders(database) }).activate(SAMPLE_ORDERS);
    await createPlans({ database }).set('PRO', 'operator');
  } finally {
    await database.close();
  }
};
