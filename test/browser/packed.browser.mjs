// What a person has who has the packages alone: both tarballs and Vite in an empty folder, a page of their own, and a browser.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../../scripts/run.mjs';
import { beginCard, leave, payWith, useDemo } from './demo.mjs';
import { serveFolder } from './static-server.mjs';

const project = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-packed '));
const BESIDE = ['react', 'react-dom', 'vite', '@stripe/react-stripe-js', '@stripe/stripe-js'];
/** A package in the version that the checkout is built with. */
const pinned = (name) => {
  const file = path.join(root, 'node_modules', name, 'package.json');
  return `${name}@${JSON.parse(fs.readFileSync(file, 'utf8')).version}`;
};
const npm = (words, cwd = project) => execFileSync('npm', words, { cwd, encoding: 'utf8' });
let site;

const FILES = {
  'package.json': '{ "private": true, "type": "module" }',
  'index.html':
    '<!doctype html><title>A shop</title><main id="app"></main><script type="module" src="/main.jsx"></script>',
  'main.jsx': `
import { createRoot } from 'react-dom/client';
import { createTollgate } from 'tollgate-client';
import { TollgateCheckout, TollgateProvider } from 'tollgate-client/react';

const token = async () => (await (await fetch('/demo/token?account=demo-customer')).json()).token;
const openOrder = async () => {
  const known = new URL(location.href).searchParams.get('order');
  if (known) return known;
  const headers = { authorization: 'Bearer ' + (await token()) };
  const body = JSON.stringify({ amount: 1800, currency: 'USD' });
  const { id } = await (await fetch('/demo/orders', { method: 'POST', headers, body })).json();
  history.replaceState(null, '', '?order=' + id);
  return id;
};
const tollgate = createTollgate({ url: import.meta.env.VITE_TOLLGATE_URL + '/graphql', token });
createRoot(document.querySelector('#app')).render(
  <TollgateProvider client={tollgate}>
    <TollgateCheckout orderId={await openOrder()} amount={1800} currency="USD" />
  </TollgateProvider>,
);`,
};

beforeAll(async () => {
  site = await serveFolder(path.join(project, 'dist'), () => demo.url);
  const tarballs = [root, path.join(root, 'client')].map((folder) =>
    path.join(project, npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', project], folder).trim()),
  );
  for (const [name, text] of Object.entries(FILES)) fs.writeFileSync(path.join(project, name), text);
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  npm(['install', ...quiet, ...tarballs, ...BESIDE.map(pinned)]);
  npm(['exec', '--no', '--', 'tollgate', 'init', 'shop']);
});
const demo = useDemo(() => ({ CORS_ORIGINS: site.url }), project);
beforeAll(() => {
  const env = { ...process.env, VITE_TOLLGATE_URL: demo.url };
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], {
    cwd: project,
    env,
  });
});
afterAll(async () => {
  await site?.close();
  fs.rmSync(project, { recursive: true, force: true });
});

const seeStatus = (page, status) => page.locator(`section h2 [data-status=${status}]`).waitFor();

/** The page with an order whose first card was declined. */
const openDeclined = async () => {
  const page = await demo.open(`${site.url}/`);
  await beginCard(page);
  await payWith(page, /Is declined/);
  await seeStatus(page, 'FAILED');
  return page;
};

test('nothing in it is linked to the checkout', () => {
  for (const name of ['tollgate', 'tollgate-client'])
    expect(fs.realpathSync(path.join(project, 'node_modules', name))).toBe(
      path.join(fs.realpathSync(project), 'node_modules', name),
    );
});

test('a declined card, then a good one, seen live', async () => {
  const page = await openDeclined();
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await leave(page);
});

test('the server is killed in the middle: the page stays, goes on when it is back, and pays', async () => {
  const page = await openDeclined();
  await demo.kill();
  await seeStatus(page, 'FAILED');
  await demo.start();
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
  await leave(page);
});

test('the network is cut in the middle: what another window paid meanwhile shows when it is back, without a reload', async () => {
  const page = await openDeclined();
  await page.evaluate(() => {
    globalThis.isFirstLoad = true;
  });
  const other = await demo.open(page.url());
  await seeStatus(other, 'FAILED');
  await page.context().setOffline(true);
  await other.getByRole('button', { name: 'Resume payment' }).click();
  await payWith(other, /^Pays/);
  await seeStatus(other, 'SUCCESSFUL');
  await seeStatus(page, 'FAILED');
  await page.context().setOffline(false);
  await seeStatus(page, 'SUCCESSFUL');
  expect(await page.evaluate(() => globalThis.isFirstLoad)).toBe(true);
  await leave(other);
  await leave(page);
});
