import { expect, test } from 'vitest';
import { beginCard, leave, payWith, placeOrder, seeStatus, useDemo } from './demo.mjs';

const demo = useDemo();

const run = async (page, operation) => {
  await page.locator('.graphiql-execute-button').click();
  await page.getByRole('menuitem', { name: operation }).click();
};

test('GraphiQL asks and streams in the embedded run, as an operator, with nothing from elsewhere', async () => {
  const page = await demo.open('about:blank');
  const foreign = [];
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(demo.url).origin) foreign.push(request.url());
  });
  await page.goto(new URL('/graphiql', demo.url).href);
  const answer = page.locator('.result-window');
  await run(page, 'Live');
  const shop = await demo.open();
  await placeOrder(shop, /Stoneware mug/);
  await beginCard(shop);
  await payWith(shop, /^Pays/);
  await seeStatus(shop, 'SUCCESSFUL');
  await answer.getByText('"SUCCESSFUL"').first().waitFor();
  await page.locator('.graphiql-execute-button').click(); // stops it
  await run(page, 'Newest');
  await answer.getByText('"orderId"').first().waitFor();
  expect(foreign).toEqual([]);
  await leave(shop);
  await leave(page);
});
