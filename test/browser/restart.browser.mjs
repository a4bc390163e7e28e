import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { beginCard, buy, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

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
  await expect.poll(() => sockets, { timeout: 60_000 }).toBeGreaterThan(1);
  expect(fetched).toBeGreaterThan(1);
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await leave(page);
});

/** Signs in to the console with a token of the demo's admin that lives so long. */
const signIn = async (page, lifeSeconds) => {
  const ends = Math.floor(Date.now() / 1_000) + lifeSeconds;
  const token = new SignJWT({ sub: 'demo-admin' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(ends);
  await page.getByLabel('Access token').fill(await token.sign(demo.jwtSecret));
  await page.getByRole('button', { name: 'Log in' }).click();
};

test('the console says that its server was killed, keeps its rows and filter, and catches up once it is back', async () => {
  const shop = await demo.open();
  await buy(shop);
  const page = await demo.open('/console#/payments?status=SUCCESSFUL');
  await signIn(page, 3_600);
  const rows = page.getByRole('table', { name: 'Payments' }).locator('tbody tr');
  await rows.first().waitFor();
  const before = await rows.count();
  await page.evaluate(() => {
    globalThis.isFirstLoad = true;
  });
  await demo.kill();
  await page.locator('[data-code=UNREACHABLE]').getByText('Not connected since').waitFor();
  expect(await rows.count()).toBe(before);
  await demo.start();
  await page.getByText('Not connected since').waitFor({ state: 'detached' });
  await buy(shop);
  await expect.poll(() => rows.count(), { timeout: 60_000 }).toBe(before + 1);
  expect(new URL(page.url()).hash).toBe('#/payments?status=SUCCESSFUL');
  expect(await page.getByLabel('Status').inputValue()).toBe('SUCCESSFUL');
  expect(await page.getByRole('alert').count()).toBe(0);
  expect(await page.evaluate(() => globalThis.isFirstLoad)).toBe(true);
  await leave(shop);
  await leave(page);
});

test('the console leads to the sign-in once its token ends, and goes on where it was with another', async () => {
  const page = await demo.open('/console#/payments?status=SUCCESSFUL');
  await signIn(page, 3);
  const list = page.getByRole('heading', { name: 'Payments' });
  await list.waitFor();
  // It reads its list again by itself; the server forgives a clock that is five seconds wrong.
  await page.locator('[data-code=UNAUTHENTICATED]').getByText('Not signed in').waitFor({ timeout: 40_000 });
  expect(await list.count()).toBe(0);
  await signIn(page, 3_600);
  await list.waitFor();
  expect(await page.getByLabel('Status').inputValue()).toBe('SUCCESSFUL');
  await leave(page);
});
