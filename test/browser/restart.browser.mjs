import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { beginCard, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

test('a page goes on by itself after the server was killed, and versions never go back', async () => {
  const page = await demo.open();
  await placeOrder(page, /Stoneware mug/);
  await beginCard(page);
  await payWith(page, /Is declined/);
  await seeStatus(page, 'FAILED');
  await demo.kill();
  await page.locator('[data-connection=lost]').waitFor();
  await demo.start();
  await page.locator('[data-connection=open]').waitFor();
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await seeOrder(page, 'paid');
  await leave(page);
});

test('what happened while the server was away shows when it is back', async () => {
  const page = await demo.open();
  await placeOrder(page, /Stoneware mug/);
  await beginCard(page);
  const other = await demo.open(`/${new URL(page.url()).hash}`);
  await seeStatus(other, 'PENDING');
  await other.context().setOffline(true);
  await other.locator('[data-connection=lost]').waitFor({ timeout: 1_000 }); // sooner than the socket's ping would tell
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await demo.kill();
  await demo.start();
  await other.context().setOffline(false);
  await seeStatus(other, 'SUCCESSFUL');
  await leave(other);
  await leave(page);
});

test('a page goes on when its token ends: it fetches another, and its stream continues', async () => {
  const page = await demo.open('about:blank');
  const lifeSeconds = 2;
  let fetched = 0;
  let sockets = 0;
  page.on('websocket', () => {
    sockets += 1;
  });
  await page.route('**/demo/token?*', async (route) => {
    fetched += 1;
    const token = new SignJWT({ sub: 'demo-customer' }).setProtectedHeader({ alg: 'HS256' });
    const ends = Math.floor(Date.now() / 1_000) + lifeSeconds;
    await route.fulfill({ json: { token: await token.setExpirationTime(ends).sign(demo.jwtSecret) } });
  });
  await page.goto(demo.url);
  await placeOrder(page, /Stoneware mug/);
  await beginCard(page);
  await expect.poll(() => sockets, { timeout: 15_000 }).toBeGreaterThan(1);
  expect(fetched).toBeGreaterThan(1);
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await leave(page);
});
