// The recipes' apps, built at once by Vite with the packed client package, against the embedded run on another origin.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureInstalled } from '../../scripts/install.mjs';
import { root } from '../../scripts/run.mjs';
import { leave, useDemo } from './demo.mjs';
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
  run('vite/bin/vite.js', 'build', '--outDir', built, '--logLevel', 'error');
});
afterAll(async () => {
  await site?.close();
  fs.rmSync(scratch, { recursive: true, force: true });
});

const paymentsOf = (page) => page.getByRole('list', { name: 'Payments' }).getByRole('listitem');
const seePayments = (page, ...statuses) =>
  expect
    .poll(async () => (await paymentsOf(page).allTextContents()).map((text) => text.trim().replace(/\s+/g, ' ')), {
      timeout: 15_000,
    })
    .toEqual(statuses.map((status) => `$18.00 ${status}`));

const isMarked = (page) => page.evaluate(() => globalThis.isFirstLoad);

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
  return { page, watching };
};

test.each([
  'vue',
  'svelte',
])('the recipe of %s pays, after a decline too, and shows each status live, in a second window too', async (recipe) => {
  const { page, watching } = await openRecipe(recipe);
  await page.getByRole('button', { name: 'Pay with a card that is declined' }).click();
  for (const each of [page, watching]) await seePayments(each, 'FAILED');
  await page.getByRole('alert').getByText('declined').waitFor();
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
  for (const each of [page, watching]) await seePayments(each, 'SUCCESSFUL');
  for (const each of [page, watching]) {
    expect(await isMarked(each)).toBe(true);
    await leave(each);
  }
});
