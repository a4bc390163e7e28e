import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { createRateLimits, type RateLimits } from '../../src/graphql/rate-limits.js';
import { describeWithOwnRedis, startRedis } from '../harness/redis.js';

const limits = { operationsPerAccount: 3, operationsPerAddress: 0, windowSeconds: 60 };
const admitted = async (counters: RateLimits, account: string, address = '10.0.0.1'): Promise<boolean> =>
  counters.admit(account, address).then(
    () => true,
    (error: { code: string }) => {
      expect(error.code).toBe('RATE_LIMITED');
      return false;
    },
  );

test('a window that is over is forgotten', async () => {
  const counters = createRateLimits({ ...limits, operationsPerAccount: 1, windowSeconds: 1 });
  expect(await admitted(counters, 'ann')).toBe(true);
  expect(await admitted(counters, 'ann')).toBe(false);
  await expect.poll(() => admitted(counters, 'ann'), { timeout: 3_000 }).toBe(true);
});

test('addresses of one IPv6 network count as one client, IPv4 addresses each for itself', async () => {
  const perAddress = (): RateLimits => createRateLimits({ ...limits, operationsPerAddress: 1 });
  const six = perAddress();
  expect(await admitted(six, 'a', '2001:db8:1:2:3:4:5:6')).toBe(true);
  expect(await admitted(six, 'b', '2001:db8:1:2::9')).toBe(false);
  expect(await admitted(six, 'c', '2001:db8:1:3::9')).toBe(true);
  const four = perAddress();
  expect(await admitted(four, 'a', '10.0.0.1')).toBe(true);
  expect(await admitted(four, 'b', '::ffff:10.0.0.1')).toBe(false);
  expect(await admitted(four, 'c', '10.0.0.2')).toBe(true);
});

describeWithOwnRedis('over Redis', () => {
  const connect = (url: string): Redis => {
    const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    client.on('error', () => undefined);
    return client;
  };

  test('processes of one installation count together, and apart from another one’s', async () => {
    const redis = await startRedis();
    const [one, two] = [connect(redis.url), connect(redis.url)];
    await Promise.all([one.ping(), two.ping()]);
    const [first, second] = [one, two].map((client) => createRateLimits(limits, { redis: client, installation: 'a' }));
    const other = createRateLimits(limits, { redis: two, installation: 'b' });
    if (!first || !second) throw new Error('There are two.');
    expect(await admitted(first, 'ann')).toBe(true);
    expect(await admitted(second, 'ann')).toBe(true);
    expect(await admitted(first, 'ann')).toBe(true);
    expect(await admitted(second, 'ann')).toBe(false);
    expect(await admitted(second, 'ben')).toBe(true);
    expect(await admitted(other, 'ann')).toBe(true);
    one.disconnect();
    two.disconnect();
    await redis.stop();
  });

  test('with Redis gone, and with Redis frozen, each process counts for itself and nobody waits', async () => {
    const redis = await startRedis();
    const client = connect(redis.url);
    await client.ping();
    const counters = createRateLimits(limits, { redis: client, installation: 'a' });
    redis.pause();
    const startedAt = performance.now();
    expect(await admitted(counters, 'ann')).toBe(true);
    redis.resume();
    await client.ping();
    const lost = new Promise((resolve) => void client.once('close', resolve));
    await redis.stop();
    await lost;
    for (let count = 0; count < 3; count += 1) await admitted(counters, 'ben');
    expect(await admitted(counters, 'ben')).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    client.disconnect();
  });
});
