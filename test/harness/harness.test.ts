import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createEmptyDatabase, createTestDatabase } from './postgres.js';
import { describeWithOwnRedis, startRedis } from './redis.js';

const tables = async (url: string): Promise<number> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query("select count(*)::int n from pg_tables where schemaname = 'tollgate'");
    return (rows[0] as { n: number }).n;
  } finally {
    await client.end();
  }
};

test('each test database is a migrated copy of its own; an empty one has no table', async () => {
  const first = await createTestDatabase();
  const second = await createTestDatabase();
  const empty = await createEmptyDatabase();
  try {
    expect(first.url).not.toBe(second.url);
    expect(await tables(first.url)).toBeGreaterThan(0);
    expect(await tables(empty.url)).toBe(0);
  } finally {
    await Promise.all([first.drop(), second.drop(), empty.drop()]);
  }
  await expect(tables(first.url)).rejects.toThrow('does not exist');
});

describeWithOwnRedis('a Redis of the test', () => {
  test('comes back empty on the same port after a restart', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => undefined);
    try {
      await client.set('key', 'value');
      await redis.restart();
      expect(await client.get('key')).toBeNull();
    } finally {
      client.disconnect();
      await redis.stop();
    }
  });
});
