import axe from 'axe-core';
import { expect, test } from 'vitest';
import { beginCard, leave, payWith, placeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

test('the checkout passes axe in each of its states, light and dark, and fits 320 pixels', async () => {
  const page = await demo.open('/', { viewport: { width: 320, height: 700 } });
  const found = [];
  const look = async (state) => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run('main'));
      found.push(...violations.map(({ id, nodes }) => `${state}, ${colorScheme}, ${id}: ${nodes[0]?.html}`));
    }
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.push(`${state} scrolls`);
  };
  await placeOrder(page, /Stoneware mug/);
  await page.getByRole('button', { name: 'Pay by card' }).waitFor();
  await look('start');
  await page.getByLabel(/Only authorize/).check();
  await beginCard(page);
  await look('form');
  await payWith(page, /Is declined/);
  await seeStatus(page, 'FAILED');
  await look('declined');
  await page.getByRole('button', { name: 'Cancel this payment' }).click();
  await look('question');
  await page.getByRole('button', { name: 'Keep it' }).click();
  await payWith(page, /^Pays/);
  await seeStatus(page, 'REQUIRES_CAPTURE');
  await look('authorized');
  expect(found).toEqual([]);
  await leave(page);
});
