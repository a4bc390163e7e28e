// The recipes' apps, built at once by Vite with the packed client package, against the embedded run on another origin.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureInstalled } from '../../scripts/install.mjs';
import { root } from '../../scripts/run.mjs';
import { leave, useDemo } from './demo.mjs';
import { beNative } from './native-shape.mjs';
import { serveFolder } from './static-server.mjs';

const RECIPES = path.join(root, 'docs', 'recipes');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-recipes-'));
const built = path.join(scratch, 'built');
let site;

/** Puts the client package where npm would, from its tarball. */
const installClient = () => {
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', scratch];
  const tarball = execFileSync('npm', pack, { cwd: path.join(root, 'client'), encoding: 'utf8' }).trim();
  const place = path.join(RECIPES, 'node_modules', 'tollgate-client');
  fs.rmSync(place, { recursive: true, force: true });
  fs.mkdirSync(place);
  execFileSync('tar', ['-xzf', path.join(scratch, tarball), '--strip-components=1', '-C', place]);
};

beforeAll(async () => {
  site = await serveFolder(built, () => demo.url);
  await ensureInstalled({ root: RECIPES });
  installClient();
});
const demo = useDemo(() => ({ CORS_ORIGINS: site.url }));
beforeAll(() => {
  const run = (script, ...words) =>
    execFileSync(process.execPath, [path.join(RECIPES, 'node_modules', script), ...words], {
      cwd: RECIPES,
      env: { ...process.env, VITE_TOLLGATE_URL: demo.url },
    });
  run('relay-compiler/cli.js', 'relay/relay.config.json');
  execFileSync(process.execPath, [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', RECIPES]);
  run('vite/bin/vite.js', 'build', '--outDir', built, '--logLevel', 'error');
});
afterAll(async () => {
  await site?.close();
  fs.rmSync(scratch, { recursive: true, force: true });
});

const paymentsOf = (page) => page.getByRole('list', { name: 'Payments' }).getByRole('listitem');
const seePayments = (page, ...statuses) =>
  expect
    .poll(async () => (await paymentsOf(page).allTextContents()).map((text) => /\S+ [A-Z_]+/.exec(text)?.[0]), {
      timeout: 15_000,
    })
    .toEqual(statuses.map((status) => `$18.00 ${status}`));

/** Opens a recipe with an order of its own, and the same order in a second window, which does nothing but watch. */
const openRecipe = async (recipe) => {
  const page = await demo.open(`${site.url}/${recipe}/`);
  await page.getByText('Nothing was paid yet.').waitFor();
  const watching = await demo.open(page.url());
  await watching.getByText('Nothing was paid yet.').waitFor();
  for (const each of [page, watching])
    await each.evaluate(() => {
      globalThis.isFirstLoad = true;
    });
  return { page, watching, pages: [page, watching] };
};

const leaveUnreloaded = async (pages) => {
  for (const page of pages) {
    expect(await page.evaluate(() => globalThis.isFirstLoad)).toBe(true);
    await leave(page);
  }
};

const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click();
const decline = 'Pay with a card that is declined';

test.each([
  'vue',
  'svelte',
])('the recipe of %s pays, after a decline too, and shows each status live, in a second window too', async (recipe) => {
  const { page, pages } = await openRecipe(recipe);
  await press(page, decline);
  for (const each of pages) await seePayments(each, 'FAILED');
  await page.getByRole('alert').getByText('declined').waitFor();
  await press(page, 'Pay');
  for (const each of pages) await seePayments(each, 'SUCCESSFUL');
  await leaveUnreloaded(pages);
});

const ask = async (token, query) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${demo.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const { data, errors } = await response.json();
  expect(errors).toBeUndefined();
  return data;
};

/** Somebody else begins a payment of the page's order and gives it up. */
const payAndCancel = async (page) => {
  const { token } = await (await fetch(`${demo.url}/demo/token?account=demo-customer`)).json();
  const orderId = new URL(page.url()).searchParams.get('order');
  const input = `{ orderId: ${orderId}, amount: 1800, currency: "USD" }`;
  const { pay } = await ask(token, `mutation { pay(input: ${input}) { payment { id } } }`);
  await ask(token, `mutation { cancelPayment(input: { id: ${pay.payment.id} }) { payment { id } } }`);
};

/** Lets the server answer the page's next query, and keeps the answer on its way until it is let go. */
const holdNextAnswer = async (page) => {
  const held = {};
  const letGo = new Promise((resolve) => {
    held.letGo = resolve;
  });
  const read = new Promise((resolve) => {
    held.read = resolve;
  });
  const isQuery = (request) => request.method() === 'POST' && /payments|node/.test(request.postData() ?? '');
  let isFirst = true;
  await page.route('**/graphql', async (route) => {
    if (!isFirst || !isQuery(route.request()) || /mutation/.test(route.request().postData())) return route.fallback();
    isFirst = false;
    const response = await route.fetch();
    held.read(await response.text());
    await letGo;
    await route.fulfill({ response });
  });
  return { ...held, isRead: read };
};

test.each([
  'fetch',
  'apollo',
  'urql',
  'relay',
])('the recipe of %s adds new payments to its list live, and an answer that was overtaken changes nothing', async (recipe) => {
  const { page, pages } = await openRecipe(recipe);
  const seeBoth = async (...newestFirst) => {
    for (const each of pages) await seePayments(each, ...(recipe === 'fetch' ? newestFirst.toReversed() : newestFirst));
  };
  /** Does something while an answer is on its way, and sees the same before and after that has arrived. */
  const overtake = async (answer, act, ...newestFirst) => {
    const held = await holdNextAnswer(page);
    await press(page, 'Read again');
    expect(await held.isRead).toContain(answer);
    await act();
    await seeBoth(...newestFirst);
    held.letGo();
    const reading = page.getByRole('button', { name: 'Read again', disabled: true });
    await expect.poll(() => reading.count(), { timeout: 60_000 }).toBe(0);
    await seeBoth(...newestFirst);
  };
  await payAndCancel(page);
  await seeBoth('CANCELED');
  await overtake('CANCELED', () => press(page, decline), 'FAILED', 'CANCELED');
  await page.getByRole('alert').getByText('declined').waitFor();
  await overtake('FAILED', () => press(page, 'Pay'), 'SUCCESSFUL', 'CANCELED');
  await leaveUnreloaded(pages);
});

test.each([
  'apollo',
  'urql',
  'relay',
])('the recipe of %s reads one page of the list after the other', async (recipe) => {
  const { page, pages } = await openRecipe(recipe);
  await payAndCancel(page);
  await payAndCancel(page);
  await press(page, 'Pay');
  await seePayments(page, 'SUCCESSFUL', 'CANCELED', 'CANCELED');
  const later = await demo.open(page.url());
  await seePayments(later, 'SUCCESSFUL', 'CANCELED');
  await press(later, 'More');
  await seePayments(later, 'SUCCESSFUL', 'CANCELED', 'CANCELED');
  await later.getByRole('button', { name: 'More' }).waitFor({ state: 'detached' });
  await leave(later);
  await leaveUnreloaded(pages);
});

test('the recipe of React Native goes on after its WebSocket failed, without a browser’s crypto, timeouts and events', async () => {
  const other = await demo.open(`${site.url}/vue/`);
  const page = await demo.open('about:blank');
  await page.addInitScript(beNative);
  await other.getByText('Nothing was paid yet.').waitFor();
  await page.goto(`${site.url}/react-native/${new URL(other.url()).search}`);
  await page.getByText('Nothing was paid yet.').waitFor();
  await page.getByRole('button', { name: 'Pay $18.00' }).click();
  await seePayments(page, 'FAILED');
  await page.getByRole('alert').getByText('declined').waitFor();
  await page.evaluate(() => globalThis.failSockets());
  await press(other, 'Pay');
  await seePayments(page, 'SUCCESSFUL');
  expect(await page.evaluate(() => globalThis.openedSockets())).toBe(2);
  await leave(page);
  await leave(other);
});

/** Runs the commands of a page's block against the demo's data. */
const runCommands = (page) => {
  const [, block = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(fs.readFileSync(path.join(RECIPES, page), 'utf8')) ?? [];
  for (const [, words] of block.matchAll(/^npx tollgate (.*)$/gm))
    execFileSync(process.execPath, [path.join(root, 'bin', 'tollgate.mjs'), ...words.split(' ')], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TOLLGATE_DATA_DIR: demo.dataDir },
    });
};

test('the recipe of a server in Node refunds an order once, with the token and the role of a service', async () => {
  const env = { JWT_SECRET: demo.environment.JWT_SECRET, RETURNS_KEY: 'the key of the desk', PORT: '0' };
  const child = spawn(process.execPath, [path.join(RECIPES, 'node', 'server.mjs')], {
    env: { ...env, TOLLGATE_URL: `${demo.url}/graphql` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(child.stdout, 'data');
    const page = await demo.open(`${site.url}/vue/`);
    await press(page, 'Pay');
    await seePayments(page, 'SUCCESSFUL');
    const orderId = new URL(page.url()).searchParams.get('order');
    const takeBack = async (key) => {
      const headers = { authorization: `Bearer ${key}` };
      const answer = await fetch(`${String(said).trim()}/orders/${orderId}/return`, { method: 'POST', headers });
      return { status: answer.status, ...(await answer.json()) };
    };
    expect(await takeBack('another key')).toMatchObject({ status: 401 });
    expect(await takeBack(env.RETURNS_KEY)).toMatchObject({ status: 200, refunds: [] }); // a stranger sees nothing
    runCommands('node.md');
    const service = new SignJWT({ sub: 'service:returns' }).setProtectedHeader({ alg: 'HS256' });
    const token = await service.setExpirationTime('5m').sign(demo.jwtSecret);
    const permissions = async () => (await ask(token, '{ viewer { permissions } }')).viewer.permissions;
    await expect.poll(permissions, { timeout: 60_000 }).toContain('REFUND_READ_ANY'); // without Redis: in five seconds
    const [first, second] = await Promise.all([takeBack(env.RETURNS_KEY), takeBack(env.RETURNS_KEY)]);
    expect(first).toMatchObject({ status: 200, refunds: [{ amount: 1800, currency: 'USD', status: 'REFUNDED' }] });
    expect([second, await takeBack(env.RETURNS_KEY)]).toEqual([first, first]);
    await leave(page);
  } finally {
    child.kill();
  }
});
