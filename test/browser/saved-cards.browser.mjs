import { expect, test } from 'vitest';
import { beginCard, leave, payWith, placeOrder, seeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

test('a card is kept with a payment, pays the next order at a click, and is removed', async () => {
  const page = await demo.open();
  await placeOrder(page, /Stoneware mug/);
  await page.getByLabel('Keep this card for my next orders').check();
  await beginCard(page);
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await placeOrder(page, /Tin of sencha/);
  await page.getByRole('button', { name: 'Pay with visa ending in 4242' }).click();
  await seeStatus(page, 'SUCCESSFUL');
  await seeOrder(page, 'paid');
  await placeOrder(page, /Stoneware mug/);
  await page.getByRole('button', { name: 'Remove visa ending in 4242' }).click();
  await page.getByRole('button', { name: 'Yes, remove it' }).click();
  await page.getByRole('group', { name: 'Saved cards' }).waitFor({ state: 'detached' });
  await leave(page);
});

test('a renewal that failed, of a card that was changed in the portal, is put right with a saved card', async () => {
  const page = await demo.open();
  await placeOrder(page, /Coffee club/);
  await page.getByRole('button', { name: 'Subscribe by card' }).click();
  await payWith(page, /^Pays/);
  await seeOrder(page, 'ACTIVE');
  await page.getByRole('button', { name: 'Change the card' }).click();
  await page.getByRole('button', { name: /Use 4000 0000 0000 0341/ }).click();
  await page.getByText('ending in 0341 (default)').waitFor();
  await page.getByRole('link', { name: 'Go back' }).click();
  await page.getByRole('button', { name: 'Skip a month' }).click();
  await seeOrder(page, 'PAST_DUE');
  await page.getByText('Your card was declined.').waitFor();
  await page.getByRole('button', { name: 'Pay with visa ending in 4242' }).click();
  await seeOrder(page, 'ACTIVE');
  const charges = page.getByRole('region', { name: 'Charges' }).getByRole('listitem');
  await charges.nth(1).getByText('Paid').waitFor();
  expect(await charges.count()).toBe(2);
  await leave(page);
});
