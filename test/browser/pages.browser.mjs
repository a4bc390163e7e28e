import path from 'node:path';
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { deliver, eventOf } from '../harness/signed-event.ts';
import { beginCard, buy, leave, placeOrder, useDemo } from './demo.mjs';

const demo = useDemo();
const MOST_BYTES = 200 * 1_024;
/** A folder for pictures of every page, for a person to look at. */
const PICTURES = process.env['TOLLGATE_PICTURES'];

/** What axe finds wrong, in words; axe runs beside the page's policy, which forbids foreign scripts. */
const violations = async (page) => {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const results = await page.evaluate(() => globalThis.axe.run());
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
};

const DESKTOP = { width: 1100, height: 800 };
const PHONE = { width: 360, height: 740 };
const LOOKS = [
  { name: 'light', colorScheme: 'light', size: DESKTOP, audited: true },
  { name: 'phone', colorScheme: 'light', size: PHONE, audited: true },
  { name: 'phone dark', colorScheme: 'dark', size: PHONE, audited: false },
  { name: 'dark', colorScheme: 'dark', size: DESKTOP, audited: true },
];

/** What is wrong with the page in any of its looks. */
const lookAt = async (page, place) => {
  const found = [];
  for (const { name, colorScheme, size, audited } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(size);
    if (PICTURES) await page.screenshot({ path: path.join(PICTURES, `${place} ${name}.png`), fullPage: true });
    const all = audited ? await violations(page) : [];
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) all.push('scrolls sideways');
    found.push(...all.map((violation) => `${place}, ${name}: ${violation}`));
  }
  return found;
};

/** The page's way to each thing worth looking at, in one journey. */
const journey = async (page, look) => {
  await page.getByRole('button', { name: 'Place the order' }).waitFor();
  await look('shop');
  await placeOrder(page, /Coffee club/);
  await page.getByRole('button', { name: 'Subscribe by card' }).click();
  await page.getByLabel('Card number').waitFor();
  await look('subscription');
  await placeOrder(page, /Stoneware mug/);
  await beginCard(page);
  await look('card form');
  await buy(page);
  await page.getByRole('radio', { name: 'Staff' }).check();
  await page.getByRole('button', { name: 'Refund $18.00' }).waitFor();
  await look('refund form');
  await page.getByRole('link', { name: 'Corner Shop' }).click();
  await page
    .getByRole('link', { name: /^Stoneware mug/ })
    .first()
    .waitFor();
  await page.getByRole('heading', { name: 'Subscriptions' }).waitFor();
  await look('shop with orders');
  await page.goto(`${demo.url}/console`);
  await page.getByRole('button', { name: 'Enter as demo admin' }).waitFor();
  await look('login');
  await page.getByRole('button', { name: 'Enter as demo admin' }).click();
  await page.getByText('Nothing to mend.').waitFor();
  await look('overview');
  await page.getByRole('link', { name: 'Revenue by month' }).click();
  await page
    .getByRole('table', { name: /^Revenue by month/ })
    .first()
    .waitFor();
  await look('revenue');
  await page.getByRole('link', { name: 'Payments' }).click();
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .waitFor();
  await look('payments');
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .click();
  await page.getByRole('link', { name: /^evt_/ }).first().waitFor();
  await look('payment');
  await page.getByRole('link', { name: 'demo-customer' }).click();
  await page.getByRole('region', { name: 'Saved methods' }).waitFor();
  await look('account');
  await page.goBack();
  await page.getByRole('link', { name: /^evt_/ }).first().waitFor();
  await page.getByRole('link', { name: /^evt_/ }).first().click();
  await page.getByRole('button', { name: 'Replay this event' }).waitFor();
  await look('event');
  await failEvent();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText(/Look below: \d+ events? stuck/).waitFor();
  await look('overview with stuck events');
  await page.getByRole('link', { name: 'Events' }).click();
  await page.locator('[data-status=PROCESSED]').first().waitFor();
  await look('events');
  for (const [link, name] of [
    ['Refunds', 'refunds'],
    ['Recurring', 'recurring'],
    ['Disputes', 'disputes'],
    ['Settings', 'settings'],
  ]) {
    await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: link }).click();
    await expect.poll(() => page.getByText('Loading').count()).toBe(0);
    await look(name);
  }
  for (const [link, name] of [
    ['Outgoing webhooks', 'outgoing'],
    ['Messages', 'messages'],
    ['Owed flows', 'owed'],
    ['Effects', 'effects'],
  ]) {
    await page.getByRole('link', { name: link, exact: true }).click();
    await expect.poll(() => page.getByText('Loading').count()).toBe(0);
    await look(name);
    await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Settings' }).click();
  }
  await page.getByRole('button', { name: 'Grant a permission' }).click();
  await page.getByRole('button', { name: 'Change what becomes of wrong money' }).click();
  await look('settings with questions');
  await disputePayment();
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Disputes' }).click();
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .click();
  await page.getByText('Stripe waits for your evidence').waitFor();
  await look('dispute');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Recurring' }).click();
  await page
    .getByRole('link', { name: /^No\. / })
    .first()
    .click();
  await page.getByRole('heading', { name: 'Charges' }).waitFor();
  await look('recurring payment');
  await page.getByRole('link', { name: 'Try', exact: true }).click();
  await page.getByRole('heading', { name: 'Test cards' }).waitFor();
  await look('bench');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('link', { name: 'Disputes that need a response' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await look('keys');
  await page.keyboard.press('Escape');
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('heading', { name: 'Braucht einen Menschen' }).waitFor();
  await look('overview in German');
  await page.getByLabel('Sprache').selectOption('en');
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('link', { name: 'Who changed what' }).click();
  await page.getByRole('table', { name: 'Audit' }).waitFor();
  await look('audit');
  await page.goto(`${demo.url}/console#/nothing`);
  await page.locator('[data-code=NOT_FOUND]').waitFor();
  await look('not found');
};

/** The first paid payment of all is disputed, as the bench does it. */
const disputePayment = async () => {
  const { token } = await (await fetch(`${demo.url}/demo/token?account=demo-admin`)).json();
  const authorization = `Bearer ${token}`;
  const query = '{ payments(status: SUCCESSFUL, first: 1) { edges { node { stripePaymentIntentId } } } }';
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(`${demo.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const paymentIntentId = (await answer.json()).data.payments.edges[0].node.stripePaymentIntentId;
  const body = JSON.stringify({ paymentIntentId });
  expect((await fetch(`${demo.url}/demo/disputes`, { method: 'POST', headers, body })).status).toBe(200);
};

/** An event of an older version, about which Stripe must be asked and answers nothing. */
const failEvent = async () => {
  const authorization = 'Bearer sk_test_sandbox';
  const answer = await fetch(`${demo.sandboxUrl}/v1/payment_intents?limit=1`, { headers: { authorization } });
  const [intent] = (await answer.json()).data;
  const path = `/v1/payment_intents/${intent.id}`;
  const fault = { kind: 'status', status: 500, times: 1_000, match: { method: 'GET', path } };
  await fetch(`${demo.sandboxUrl}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(fault) });
  const event = eventOf('payment_intent.succeeded', intent, { api_version: '2020-08-27' });
  await deliver({ url: demo.url }, JSON.stringify(event));
};

test('every page passes axe, in both themes, and fits a phone', async () => {
  const page = await demo.open();
  const found = [];
  await journey(page, async (place) => {
    found.push(...(await lookAt(page, place)));
  });
  expect(found).toEqual([]);
  await leave(page);
}, 180_000);

describe('what the server sends', () => {
  test('each page has a policy without inline script, and is asked for again each time', async () => {
    for (const address of ['/', '/console']) {
      const { headers } = await fetch(`${demo.url}${address}`);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self';/);
      expect(headers.get('content-security-policy')).not.toMatch(/unsafe|\*/);
      expect(headers.get('cache-control')).toBe('no-cache');
      const again = await fetch(`${demo.url}${address}`, { headers: { 'if-none-match': headers.get('etag') } });
      expect(again.status).toBe(304);
    }
  });

  test('all files together are under 200 KB compressed, and are kept for ever by their names', async () => {
    const filesOf = async (at) => {
      const page = await fetch(`${demo.url}${at}`);
      const files = [...(await page.text()).matchAll(/"([^"]*assets\/[^"]+)"/g)];
      return files.map(([, file]) => new URL(file, page.url).href);
    };
    const assets = new Set((await Promise.all(['/', '/console'].map(filesOf))).flat());
    expect(assets.size).toBeGreaterThan(2);
    let bytes = 0;
    for (const asset of assets) {
      const { headers } = await fetch(asset, { headers: { 'accept-encoding': 'gzip' } });
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      bytes += Number(headers.get('content-length'));
    }
    expect(bytes).toBeLessThan(MOST_BYTES);
    expect((await fetch(`${demo.url}/assets/nothing.js`)).status).toBe(404);
    expect((await fetch(`${demo.url}/assets/..%2fpackage.json`)).status).toBe(404);
  });
});
