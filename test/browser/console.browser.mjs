import { expect, test } from 'vitest';
import { beginCard, buy, leave, payWith, placeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

const enter = async (address = '/console') => {
  const page = await demo.open(address);
  await page.getByRole('button', { name: 'Enter as demo admin' }).click();
  await page.getByRole('navigation', { name: 'Console' }).waitFor();
  return page;
};

test('before the first payment it says what there is to see', async () => {
  const page = await enter();
  await page.getByText('No payment succeeded in the last hour.').waitFor();
  await page.getByText('No event is stuck.').waitFor();
  await page.getByRole('link', { name: 'Payments' }).click();
  await page.getByText('No payment yet.').waitFor();
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
  expect(await page.getByText('Nothing is stuck.').count()).toBe(0);
  await page.context().setOffline(false);
  await page.getByText('Nothing is stuck.').waitFor();
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
  await page.getByLabel('Amount in EUR').fill('10');
  await page.getByRole('button', { name: 'Refund €10.00' }).click();
  await page.getByRole('region', { name: 'Refunds' }).getByText('Refunded', { exact: true }).waitFor();
  await page.getByText('€25.00 can be given back').waitFor();
  await page
    .getByText(/is REFUNDED/)
    .first()
    .waitFor();
  expect(await timeline.count()).toBeGreaterThan(before);
  await shop.getByText('€10.00 given back', { exact: true }).waitFor();
  await leave(shop);
  await leave(page);
});

test('an event shows its payload and can be run again', async () => {
  const page = await enter('/console#/events');
  await page.getByLabel('Status').selectOption('PROCESSED');
  await page.getByRole('link', { name: 'payment_intent.succeeded' }).first().click();
  await page.getByText('"type": "payment_intent.succeeded"').waitFor();
  await page.getByRole('button', { name: 'Replay this event' }).click();
  await page.getByRole('button', { name: 'Replay this event' }).waitFor();
  await page.locator('h1 [data-status=PROCESSED]').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await leave(page);
});

test('a token that the server does not take is told in words, and logging out asks for another', async () => {
  const page = await demo.open('/console');
  await page.getByLabel('Access token').fill('nonsense');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-code=UNAUTHENTICATED]').first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Tollgate console' }).waitFor();
  await leave(page);
});

test("a customer's token sees that it may not look here", async () => {
  const page = await demo.open('/console');
  const answer = await fetch(`${demo.url}/demo/token?account=demo-customer`);
  await page.getByLabel('Access token').fill((await answer.json()).token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-code=FORBIDDEN]').first().waitFor();
  await leave(page);
});
