import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPages } from '../../src/http/pages.js';
import type { Answer } from '../../src/http/reply.js';
import type { RouteRequest } from '../../src/http/routes.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-pages-'));
beforeAll(() => {
  fs.mkdirSync(path.join(folder, 'console'));
  fs.mkdirSync(path.join(folder, 'assets'));
  fs.writeFileSync(path.join(folder, 'index.html'), '<p>shop');
  fs.writeFileSync(path.join(folder, 'console', 'index.html'), '<p>console');
  fs.writeFileSync(path.join(folder, 'assets', 'app-1.js'), 'run()');
  fs.writeFileSync(path.join(folder, '.sources'), 'a secret of the build');
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const asking = (more: Partial<RouteRequest> = {}): RouteRequest => ({
  method: 'GET',
  path: '/',
  params: {},
  address: '127.0.0.1',
  query: new URLSearchParams(),
  headers: {},
  body: Buffer.alloc(0),
  ...more,
});

describe('pages', () => {
  const pages = () =>
    createPages({ folder, shop: true, stripeUrl: 'http://127.0.0.1:4010/' }) as Readonly<
      Record<string, (request: RouteRequest) => Promise<Answer>>
    >;

  test('a page is sent compressed to who takes that, and not again to who has it', async () => {
    const plain = await pages()['GET /']?.(asking());
    expect(String(plain?.body)).toBe('<p>shop');
    const zipped = await pages()['GET /']?.(asking({ headers: { 'accept-encoding': 'gzip, br' } }));
    expect(zipped?.headers?.['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped?.body as Buffer).toString()).toBe('<p>shop');
    const again = await pages()['GET /']?.(asking({ headers: { 'if-none-match': plain?.headers?.['etag'] ?? '' } }));
    expect(again?.status).toBe(304);
  });

  test("the shop may talk to the sandbox, or load Stripe's own form; the console to nobody else", async () => {
    const policy = async (stripeUrl: string | undefined, door: string) =>
      (await createPages({ folder, shop: true, stripeUrl })[door]?.(asking()))?.headers?.['content-security-policy'];
    expect(await policy('http://127.0.0.1:4010/', 'GET /')).toContain("connect-src 'self' http://127.0.0.1:4010;");
    expect(await policy(undefined, 'GET /')).toContain("script-src 'self' https://js.stripe.com");
    expect(await policy('http://127.0.0.1:4010/', 'GET /console')).toContain("connect-src 'self';");
    for (const door of ['GET /', 'GET /console']) expect(await policy(undefined, door)).not.toContain('unsafe');
  });

  test('only built files are served, by their own names', async () => {
    const asset = async (name: string) => (await pages()['GET /assets/*']?.(asking({ params: { '*': name } })))?.status;
    expect(await asset('app-1.js')).toBe(200);
    for (const name of ['../.sources', '../index.html', 'none.js', '']) expect(await asset(name)).toBe(404);
  });

  test('outside of an embedded run there is no shop, and without built files nothing at all', () => {
    expect(Object.keys(createPages({ folder, shop: false, stripeUrl: undefined }))).toEqual([
      'GET /console',
      'GET /console/',
      'GET /assets/*',
    ]);
    expect(createPages({ folder: path.join(folder, 'none'), shop: true, stripeUrl: undefined })).toEqual({});
  });
});
