import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Answer } from './reply.js';
import type { Route, Routes } from './routes.js';

/** What the pages are made of. */
export interface PagesParts {
  /** Where the built files are: index.html, console/index.html, assets/. */
  readonly folder: string;
  /** Whether "/" is the demo shop; the console is always there. */
  readonly shop: boolean;
  /** The Stripe-compatible server that the shop's card form talks to; Stripe itself where undefined. */
  readonly stripeUrl: string | undefined;
}

/** Whether the console was built. */
export const hasConsole = (folder: string): boolean => fs.existsSync(path.join(folder, 'console', 'index.html'));

/** Where the checkout's web package is built to, whether the sources run or the build does. */
export const WEB_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../web/dist' : '../../../web/dist', import.meta.url),
);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Their names carry a hash of their content. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * The console's and the demo shop's files, read once and kept compressed. No page may run an inline script, be framed, or
 * talk to anyone but this server and, from the shop's card form, Stripe. Empty where nothing was built: the start goes on
 * without pages.
 */
export const createPages = ({ folder, shop, stripeUrl }: PagesParts): Routes => {
  const files = readFiles(folder);
  const page = (name: string, policy: string): Routes[string] | undefined => {
    const file = files.get(name);
    const headers = { 'cache-control': 'no-cache', 'content-security-policy': policy };
    return file && ((request) => file.answer(request, headers));
  };
  const asset: Route = (request) =>
    files.get(`assets/${request.params['*'] ?? ''}`)?.answer(request, { 'cache-control': FOR_EVER }) ?? {
      status: 404,
      contentType: 'text/plain; charset=utf-8',
      body: 'There is no such file; reload the page to get its present ones.',
      headers: { 'cache-control': 'no-store' },
    };
  const shopPage = shop
    ? page('index.html', stripeUrl === undefined ? STRIPE_POLICY : ownPolicy(stripeUrl))
    : undefined;
  const consolePage = page('console/index.html', ownPolicy());
  return {
    ...(shopPage && { 'GET /': shopPage }),
    ...(consolePage && { 'GET /console': consolePage, 'GET /console/': toConsole, 'GET /assets/*': asset }),
  };
};

/** The page's own addresses are relative: with a slash at its end they would lead elsewhere. */
const toConsole: Route = () => ({
  status: 308,
  contentType: 'text/plain; charset=utf-8',
  body: 'The console is at /console.',
  headers: { location: '../console' },
});

const directives = (extra: Readonly<Record<string, string>>): string =>
  Object.entries({
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self' data:",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'self'",
    'frame-ancestors': "'none'",
    ...extra,
  })
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');

const ownPolicy = (stripeUrl?: string): string =>
  directives(
    stripeUrl === undefined
      ? {}
      : { 'connect-src': `'self' ${new URL(stripeUrl).origin}`, 'frame-src': new URL(stripeUrl).origin },
  );

/** Source: Stripe docs, "Integration security guide", content security policy of Stripe.js. */
const STRIPE_POLICY = directives({
  'script-src': "'self' https://js.stripe.com https://*.js.stripe.com",
  'connect-src': "'self' https://api.stripe.com",
  'frame-src': 'https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com',
});

interface PageFile {
  answer(request: Parameters<Route>[0], headers: Readonly<Record<string, string>>): Answer;
}

const readFiles = (folder: string): ReadonlyMap<string, PageFile> => {
  if (!fs.existsSync(folder)) return new Map();
  const names = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    names
      .filter((entry) => entry.isFile() && TYPES[path.extname(entry.name)] !== undefined)
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(folder, file).split(path.sep).join('/'), readFile(file)]),
  );
};

const readFile = (file: string): PageFile => {
  const plain = fs.readFileSync(file);
  const zipped = gzipSync(plain);
  const contentType = TYPES[path.extname(file)] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return {
    answer: ({ headers: asked }, headers) => {
      const shared = { ...headers, etag, vary: 'accept-encoding' };
      if (asked['if-none-match'] === etag) return { status: 304, contentType, body: '', headers: shared };
      const takesGzip = /\bgzip\b/.test(String(asked['accept-encoding'] ?? ''));
      return takesGzip
        ? { status: 200, contentType, body: zipped, headers: { ...shared, 'content-encoding': 'gzip' } }
        : { status: 200, contentType, body: plain, headers: shared };
    },
  };
};
