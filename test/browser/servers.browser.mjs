import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres.ts';
import { describeWithOwnRedis, startRedis } from '../harness/redis.ts';
import { startServerProcess } from '../harness/server-process.ts';
import { beginCard, buy, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

/** Well under the time after which a server looks for what Redis did not tell it. */
const AT_ONCE = { timeout: 5_000 };

describeWithOwnRedis('two servers on one database and one Redis', () => {
  let redis;
  let sandbox;
  /** The server that no page talks to, and that alone hears from Stripe. */
  let second;
  beforeAll(async () => {
    redis = await startRedis();
    sandbox = await startSandbox({ port: 0, webhookSecret: 'whsec_sandbox' });
  });
  afterAll(async () => {
    await sandbox?.close();
    await redis?.stop();
  });
  const demo = useDemo(() => ({
    REDIS_URL: redis.url,
    STRIPE_API_BASE: sandbox.url,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
    TOLLGATE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  }));
  beforeAll(async () => {
    // Opening a database that runs gives its address.
    const database = await startEmbeddedPostgres({ dataDir: path.join(demo.dataDir, 'postgres') });
    demo.databaseUrl = database.url;
    await startSecond();
  });
  afterAll(() => second?.end('SIGKILL'));

  const startSecond = async () => {
    second = await startServerProcess({ ...demo.environment, DATABASE_URL: demo.databaseUrl, PORT: '0' });
    if (!second.url) throw new Error(`The second server did not start:\n${second.output()}`);
    sandbox.setWebhookUrl(`${second.url}/webhooks/stripe`);
  };

  /** What Stripe sent so far, each with its attempts. */
  const deliveries = async () => (await (await fetch(`${sandbox.url}/_sandbox/deliveries`)).json()).data;

  /** A page that can tell whether it was loaded again. */
  const openOnce = async () => {
    const page = await demo.open();
    await page.evaluate(() => {
      globalThis.isFirstLoad = true;
    });
    return page;
  };
  const leaveOnce = async (page) => {
    expect(await page.evaluate(() => globalThis.isFirstLoad)).toBe(true);
    expect(page.rows).toBeGreaterThan(0);
    await leave(page);
  };

  test('a payment that Stripe tells one of them shows in the page of the other at once, without a reload', async () => {
    const page = await openOnce();
    await placeOrder(page, /Stoneware mug/);
    await beginCard(page);
    await seeStatus(page, 'PENDING');
    await payWith(page, /Is declined/);
    await seeStatus(page, 'FAILED', AT_ONCE);
    await payWith(page, /^Pays/);
    await seeStatus(page, 'SUCCESSFUL', AT_ONCE);
    await seeOrder(page, 'paid');
    const sent = await deliveries();
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter(({ url }) => !url.startsWith(`${second.url}/`))).toEqual([]);
    await leaveOnce(page);
  });

  test('the one that Stripe talks to is killed: what it missed shows once another takes its place', async () => {
    const page = await openOnce();
    await placeOrder(page, /Stoneware mug/);
    await beginCard(page);
    await payWith(page, /Is declined/);
    await seeStatus(page, 'FAILED');
    await second.end('SIGKILL');
    await payWith(page, /^Pays/);
    const missed = async () => (await deliveries()).filter(({ status }) => status === 'pending');
    const wasTried = async () => (await missed()).some(({ attempts }) => attempts.length > 0);
    await expect.poll(wasTried, { timeout: 60_000 }).toBe(true);
    await page.locator('[data-connection=open]').waitFor();
    await seeStatus(page, 'FAILED');
    await startSecond();
    await seeStatus(page, 'SUCCESSFUL');
    await seeOrder(page, 'paid');
    await buy(page, /Tin of sencha/);
    await seeOrder(page, 'paid');
    await leaveOnce(page);
  });
});
