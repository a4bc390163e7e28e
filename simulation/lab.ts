import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { prepareSample, SAMPLE_ORDERS } from '../src/embedded/embedded-run.js';
import type { Flows } from '../src/flows/flows.js';
import { setFirstPlan } from '../src/installation/plan.js';
import { createActivation } from '../src/orders/activation.js';
import { createOrders } from '../src/orders/orders.js';
import { createDatabase } from '../src/storage/database.js';
import { startEmbeddedPostgres } from '../src/storage/embedded-postgres.js';
import { migrate } from '../src/storage/migrate.js';
import { loadSampleFlows } from './flows.js';
import { startRedis } from './redis.js';

/** Where the servers of one world meet: without a Redis only one at a time may serve. */
export interface Meeting {
  readonly url: string;
  readonly redis: { readonly url: string; readonly prefix: string } | undefined;
}

/** A database of a world's own. */
export interface LabDatabase extends Meeting {
  drop(): Promise<void>;
}

/** A PostgreSQL of the simulation's own, and databases in it that are ready for payments. */
export interface Lab {
  /** Loaded once for all worlds. */
  readonly flows: Flows;
  /** A copy of the prepared database; its servers share the Redis, where the machine has one. */
  openDatabase(): Promise<LabDatabase>;
  close(): Promise<void>;
}

/** Orders that people placed, for the others were made by a flow; what later charges are to be lowered to; and each run of a flow, as it was committed. */
const LEDGER = `create table public.placed_order (id bigint primary key);
  create table public.lowered_charge (recurring_id text primary key, amount integer not null);
  create table public.flow_run (
  flow text not null, row_id text not null, version integer, status text not null, at timestamptz not null default now())`;

const withDatabase = (url: string, name: string): string => {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
};

const execute = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};

const prepare = async (url: string): Promise<void> => {
  await migrate(url);
  await prepareSample(url);
  await execute(url, LEDGER);
  const database = createDatabase({ url, poolSize: 2 });
  try {
    await createActivation({ database, orders: createOrders(database) }).activate(SAMPLE_ORDERS);
    await setFirstPlan(database, 'PRO', 'simulation');
  } finally {
    await database.close();
  }
};

/** Starts the PostgreSQL that comes with the package, in a temporary folder; what a crash of the machine would lose is no matter here. */
export const openLab = async (): Promise<Lab> => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-simulation-'));
  fs.chmodSync(dataDir, 0o755);
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' };
  const postgres = await startEmbeddedPostgres({ dataDir, database: 'template', settings });
  const redis = await startRedis();
  const close = async (): Promise<void> => {
    await redis?.stop();
    await postgres.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  };
  let flows: Flows;
  try {
    flows = await loadSampleFlows();
    await prepare(postgres.url);
  } catch (error) {
    await close();
    throw error;
  }
  const admin = withDatabase(postgres.url, 'postgres');
  return {
    flows,
    close,
    async openDatabase() {
      const name = `world_${randomBytes(6).toString('hex')}`;
      await execute(admin, `create database ${name} template template`);
      return {
        url: withDatabase(postgres.url, name),
        redis: redis && { url: redis.url, prefix: `${name}:` },
        drop: () => execute(admin, `drop database if exists ${name} with (force)`),
      };
    },
  };
};
