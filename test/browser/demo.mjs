// The embedded run with a browser before it, as a person has it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { startServerProcess } from '../harness/server-process.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Tests sign tokens of their own with it. */
const JWT_SECRET = 'a secret of the browser tests, long enough';
const STEP_MS = 30_000;

/**
 * Starts both before the first test of its file or group and ends them after the last; gives what the tests use.
 * `more` gives further variables for the server, when all that was set up before is there; `project` a folder with
 * an installed package and what its `tollgate init shop` made: that is started in the place of the checkout.
 */
export const useDemo = (more = () => ({}), project = undefined) => {
  /** `others`: further servers that pages may talk to. */
  const demo = { jwtSecret: new TextEncoder().encode(JWT_SECRET), others: [] };
  beforeAll(async () => {
    demo.environment = { JWT_SECRET, LOG_LEVEL: 'error', ...more() };
    demo.dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-browser-'));
    fs.chmodSync(demo.dataDir, 0o755); // the embedded database may run as another user
    if (project)
      demo.run = [path.join(project, 'node_modules', 'tollgate', 'dist', 'src', 'main.js'), path.join(project, 'shop')];
    await start(demo);
    demo.browser = await chromium.launch({ executablePath: process.env['CHROMIUM_PATH'], args: FLAGS });
  });
  afterAll(async () => {
    await demo.browser?.close();
    await demo.server?.end('SIGTERM');
    if (demo.dataDir) fs.rmSync(demo.dataDir, { recursive: true, force: true });
  });

  /** A page of its own; what must not be, such as throwing, asking foreign hosts or an older version, is collected. */
  demo.open = async (address = '/', options = {}) => {
    const context = await demo.browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
    context.setDefaultTimeout(STEP_MS);
    const page = await context.newPage();
    const other = [...demo.others, ...(demo.environment.CORS_ORIGINS?.split(',') ?? [])];
    const own = new Set([demo.url, demo.sandboxUrl, ...other].map((place) => new URL(place).host));
    page.faults = [];
    page.on('pageerror', (error) => page.faults.push(error.message));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && !own.has(url.host)) page.faults.push(`asked ${url.host}`);
    });
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) page.faults.push(message.text());
    });
    watchVersions(page);
    await page.goto(new URL(address, demo.url).href);
    return page;
  };

  /** Kills the server without warning; `start` brings it back at the same addresses. */
  demo.kill = () => demo.server.end('SIGKILL');
  demo.start = () => start(demo, { PORT: new URL(demo.url).port, SANDBOX_PORT: new URL(demo.sandboxUrl).port });
  return demo;
};

const start = async (demo, ports = { PORT: '0', SANDBOX_PORT: '0' }) => {
  demo.server = await startServerProcess(
    { TOLLGATE_DATA_DIR: demo.dataDir, ...demo.environment, ...ports },
    ...(demo.run ?? []),
  );
  if (!demo.server.url) throw new Error(`The server did not start:\n${demo.server.output()}`);
  demo.url = demo.server.url;
  demo.sandboxUrl = demo.server.sandboxUrl ?? demo.environment['STRIPE_API_BASE'];
};

/** Whatever sockets a page opens after each other: a row that is sent to it never has an older version than before. */
const watchVersions = (page) => {
  const newest = new Map();
  page.rows = 0;
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      const { type, payload: answer } = JSON.parse(payload);
      if (type !== 'next') return;
      for (const [field, row] of Object.entries(answer.data ?? {})) {
        if (row === null) continue;
        const key = `${field} ${row.id}`;
        if (row.version < newest.get(key)) page.faults.push(`${key} went back to version ${row.version}`);
        newest.set(key, row.version);
        page.rows += 1;
      }
    });
  });
};

/** Closes the page and sees that it behaved. */
export const leave = async (page) => {
  expect(page.faults).toEqual([]);
  await page.context().close();
};

/** Places an order in the shop; the page then shows it. */
export const placeOrder = async (page, product) => {
  await page.getByRole('link', { name: 'Corner Shop' }).click();
  await page.getByLabel(product).check();
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.getByRole('heading', { level: 1, name: product }).waitFor();
};

/** Begins a card payment of the order that the page shows. */
export const beginCard = async (page) => {
  await page.getByRole('button', { name: 'Pay by card' }).click();
  await page.getByLabel('Card number').waitFor();
};

/** Pays with one of the listed test cards. */
export const payWith = async (page, card) => {
  await page.getByRole('button', { name: card }).click();
  await page.getByRole('button', { name: 'Pay now' }).click();
};

/** Waits until the page shows this status of a payment, without a reload. */
export const seeStatus = (page, status, options = {}) =>
  page.locator(`[data-payment] h2 [data-status=${status}]`).waitFor(options);

/** Waits until the order's own status, which the shop's callback flow writes, reads like this. */
export const seeOrder = (page, status) => page.locator(`.lead [data-status=${status}]`).waitFor();

/** A whole order, paid. */
export const buy = async (page, product = /Stoneware mug/) => {
  await placeOrder(page, product);
  await beginCard(page);
  await payWith(page, /^Pays/);
  await seeStatus(page, 'SUCCESSFUL');
};

/** Does what a button offers, and answers its question. */
export const ask = async (page, does, yes) => {
  await page.getByRole('button', { name: does, exact: true }).click();
  await page.getByRole('button', { name: yes }).click();
};
