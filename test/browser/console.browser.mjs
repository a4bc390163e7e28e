import { expect, test } from 'vitest';
import { ask, beginCard, buy, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

const enter = async (address = '/console') => {
  const page = await demo.open(address);
  await page.getByRole('button', { name: 'Enter as demo admin' }).click();
  await page.getByRole('navigation', { name: 'Console' }).waitFor();
  return page;
};

const subscribe = async (shop) => {
  await placeOrder(shop, /Coffee club/);
  await shop.getByRole('button', { name: 'Subscribe by card' }).click();
  await payWith(shop, /^Pays/);
  await seeOrder(shop, 'ACTIVE');
};

test('before the first payment it says what there is to see', async () => {
  const page = await enter();
  await page.getByText('No payment succeeded in the last hour.').waitFor();
  await page.getByText('No event is stuck.').waitFor();
  await page.locator('li[data-done=false]').getByText('The first payment has arrived').waitFor();
  await page.getByRole('link', { name: 'Payments' }).click();
  await page.getByText('No payment yet.').waitFor();
  await leave(page);
});

test('the first screen keeps its place while it loads', async () => {
  for (const width of [360, 700, 1100, 1440]) {
    const page = await enter();
    await page.setViewportSize({ width, height: 800 });
    await page.addInitScript(() => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) globalThis.shifts.push(value);
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.reload();
    await page.getByText('Test mode').waitFor();
    await page.locator('.connection[data-connection=open]').waitFor();
    await page.getByText('No event is stuck.').waitFor();
    const moved = await page.evaluate(() => globalThis.shifts.reduce((sum, value) => sum + value, 0));
    expect(moved).toBeLessThan(0.05);
    await leave(page);
  }
});

test('the server is asked for the first screen while its code is on its way, and once', async () => {
  const page = await enter();
  await page.getByText('No event is stuck.').waitFor();
  const asked = [];
  page.on('request', (request) => {
    const [, name] = /query (\w+)/.exec(request.postData() ?? '') ?? [];
    if (name) asked.push(name);
  });
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  await page.route('**/assets/start-*.js', async (route) => {
    await held;
    await route.continue();
  });
  await page.reload({ waitUntil: 'commit' });
  await expect
    .poll(() => [...asked].sort(), { timeout: 60_000 })
    .toEqual(['PaymentSettings', 'Setup', 'StuckEvents', 'Totals', 'Who']);
  // Without the code, what the page's file paints.
  expect(await page.locator('#app').innerText()).toBe('Tollgate');
  release();
  await page.getByText('No event is stuck.').waitFor();
  for (const name of ['Who', 'Totals', 'StuckEvents']) expect(asked.filter((one) => one === name)).toHaveLength(1);
  await leave(page);
});

test('the first screen follows payments, declines and refunds as they happen', async () => {
  const page = await enter();
  const shop = await demo.open();
  await placeOrder(shop, /Tin of sencha/);
  await beginCard(shop);
  await payWith(shop, /Is declined/);
  await seeStatus(shop, 'FAILED');
  await page.getByText('No payment succeeded in the last hour, 1 failed.').waitFor();
  await buy(shop);
  await page.getByText('Money is flowing: 1 payment succeeded in the last hour.').waitFor();
  await page.getByRole('heading', { name: 'To the first payment' }).waitFor({ state: 'detached' });
  await page.getByRole('img', { name: 'Last hour: 1 succeeded, 1 failed, 0 refunded' }).waitFor();
  await page.getByLabel('Last 30 days').check();
  await page.getByRole('img', { name: 'Last 30 days: 1 succeeded, 1 failed, 0 refunded' }).waitFor();
  await leave(shop);
  await leave(page);
});

test('the first screen vouches for nothing while it can not be read again', async () => {
  const page = await enter();
  await page.getByText('Nothing is stuck.').waitFor();
  await page.context().setOffline(true);
  await page.getByText('What is below may be old').waitFor();
  await page.locator('[data-code=UNREACHABLE]').getByText('Not connected since').waitFor();
  expect(await page.getByText('Nothing is stuck.').count()).toBe(0);
  await page.context().setOffline(false);
  await page.getByText('Nothing is stuck.').waitFor();
  expect(await page.getByText('Not connected since').count()).toBe(0);
  await leave(page);
});

test("a payment's page tells its whole story, refunds, and moves by itself", async () => {
  const shop = await demo.open();
  await buy(shop, /Print of the harbour/);
  const page = await enter('/console#/payments');
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .click();
  await page.getByRole('heading', { name: '€35.00' }).waitFor();
  await page.getByRole('link', { name: /^evt_/ }).first().waitFor();
  const timeline = page.getByRole('region', { name: 'Timeline' }).getByRole('listitem');
  const before = await timeline.count();
  const asked = [];
  page.on('request', (request) => {
    if (request.postData()?.includes('mutation Refund')) asked.push(request.postDataJSON().variables.input);
  });
  await page.getByRole('button', { name: 'Refund up to €35.00' }).click();
  await page.getByLabel('Amount in EUR').fill('10');
  await page.getByLabel('Reason').fill('One was broken');
  await page.getByRole('button', { name: 'Yes, refund €10.00' }).dblclick();
  await page.getByRole('region', { name: 'Refunds' }).getByText('Refunded', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Refund up to €25.00' }).waitFor();
  await page.getByText('One was broken').waitFor();
  expect(asked).toEqual([expect.objectContaining({ refundAmount: 1_000, reason: 'One was broken' })]);
  await page
    .getByText(/is REFUNDED/)
    .first()
    .waitFor();
  expect(await timeline.count()).toBeGreaterThan(before);
  await shop.getByText('€10.00 refunded', { exact: true }).waitFor();
  await leave(shop);
  await leave(page);
});

test('an event shows its payload and can be run again', async () => {
  const page = await enter('/console#/events');
  await page.getByLabel('Status').selectOption('PROCESSED');
  await page.getByRole('link', { name: 'payment_intent.succeeded' }).first().click();
  await page.getByText('"type": "payment_intent.succeeded"').waitFor();
  await ask(page, 'Replay this event', 'Yes, replay it');
  await page.getByText('Replayed: it is applied.').waitFor();
  await page.locator('h1 [data-status=PROCESSED]').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await leave(page);
});

test('a token that the server does not take leads back to the sign-in, in words', async () => {
  const page = await demo.open('/console');
  await page.getByLabel('Access token').fill('nonsense');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-code=UNAUTHENTICATED]').waitFor();
  await page.getByLabel('Access token').waitFor();
  expect(await page.getByText('Nothing to mend').count()).toBe(0);
  await leave(page);
});

test("a customer's token sees that it may not look here, and gets no verdict", async () => {
  const page = await demo.open('/console');
  const answer = await fetch(`${demo.url}/demo/token?account=demo-customer`);
  await page.getByLabel('Access token').fill((await answer.json()).token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-code=FORBIDDEN]').getByText('PAYMENT_READ_ANY').waitFor();
  expect(await page.getByText(/Money is flowing|No payment succeeded/).count()).toBe(0);
  await leave(page);
});

test('an address that leads to nothing says so, with a way back; the slash at the end does no harm', async () => {
  const page = await enter('/console/');
  for (const address of [
    '#/payments/%E0%A4%A',
    '#/payments/999999999',
    '#/events/evt_none',
    '#/nothing',
    '#/recurring/1',
  ]) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, address);
    await page.locator('[data-code=NOT_FOUND]').waitFor();
    await page.getByRole('link', { name: 'Go back' }).click();
    await page.locator('[data-code=NOT_FOUND]').waitFor({ state: 'detached' });
  }
  await leave(page);
});

test('lists are tables whose view is in the address, and Back goes back', async () => {
  const page = await enter('/console#/payments?status=SUCCESSFUL');
  await page.getByRole('table', { name: 'Payments' }).waitFor();
  expect(await page.title()).toBe('Payments · Tollgate');
  expect(await page.getByLabel('Status').inputValue()).toBe('SUCCESSFUL');
  await page.getByLabel('Status').selectOption('QUARANTINED');
  await page.getByText('No row fits this view.').waitFor();
  await page.goBack();
  await page.getByRole('table', { name: 'Payments' }).waitFor();
  await page.getByLabel('Find').fill('cus_none');
  await page.keyboard.press('Enter');
  await page.getByText('No row fits this view.').waitFor();
  expect(page.url()).toContain('search=cus_none');
  await page.getByRole('link', { name: 'Refunds' }).click();
  await page.getByRole('table', { name: 'Refunds' }).getByText('€10.00').waitFor();
  await page.getByRole('link', { name: 'Disputes' }).click();
  await page.getByText('No dispute.').waitFor();
  await leave(page);
});

test('a recurring payment is paused, goes on, and is cancelled, each time after a question', async () => {
  const shop = await demo.open();
  await subscribe(shop);
  const page = await enter('/console#/recurring');
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .click();
  await page.locator('h1 [data-status=ACTIVE]').waitFor();
  await ask(page, 'Pause collection', 'Yes, pause collection');
  await page.getByText('paused', { exact: true }).waitFor();
  await ask(page, 'Collect again', 'Yes, collect again');
  await page.getByText('goes on', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Cancel now' }).click();
  await page.getByRole('button', { name: 'No', exact: true }).click();
  await ask(page, 'Cancel now', 'Yes, cancel now');
  await page.locator('h1 [data-status=CANCELED]').waitFor();
  await page.getByRole('table', { name: 'Charges' }).getByText('Paid').waitFor();
  await leave(shop);
  await leave(page);
});

test('the settings say what is set, never a secret', async () => {
  const page = await enter('/console#/settings');
  await page.getByText('public.shop_order').waitFor();
  await page.getByText('pk_test_sandbox').waitFor();
  expect(await page.content()).not.toMatch(/sk_test|whsec_/);
  await page.getByRole('link', { name: 'Who changed what' }).click();
  await page.getByRole('table', { name: 'Audit' }).waitFor();
  await leave(page);
});
