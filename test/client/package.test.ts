import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const MODULES = path.join(ROOT, 'node_modules');
/** What a person installs beside the package: its dependency with what that needs, and what types of their own they have. */
const BESIDE = [
  ...['graphql-ws', 'graphql', '@graphql-typed-document-node', 'react', 'react-dom', '@types/react', 'csstype'],
  ...['vue', '@vue', '@stripe'],
];
const MOST_BYTES = 12_000;

let project: string;
beforeAll(() => {
  project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-client-')));
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', project];
  const tarball = execFileSync('npm', pack, { cwd: path.join(ROOT, 'client'), encoding: 'utf8' }).trim();
  fs.mkdirSync(path.join(project, 'node_modules', '@types'), { recursive: true });
  execFileSync('tar', ['-xzf', path.join(project, tarball), '-C', path.join(project, 'node_modules')]);
  fs.renameSync(path.join(project, 'node_modules/package'), path.join(project, 'node_modules/tollgate-client'));
  for (const name of BESIDE) fs.symlinkSync(path.join(MODULES, name), path.join(project, 'node_modules', name));
  fs.writeFileSync(path.join(project, 'package.json'), '{ "type": "module", "private": true }');
});
afterAll(() => fs.rmSync(project, { recursive: true, force: true }));

const compile = (files: Readonly<Record<string, string>>, modules: object): string => {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(project, name), text);
  const options = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    ...modules,
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable'],
    jsx: 'react-jsx',
    types: [],
  };
  fs.writeFileSync(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: Object.keys(files) }),
  );
  try {
    return execFileSync('node', [path.join(MODULES, 'typescript/bin/tsc'), '-p', project], { encoding: 'utf8' });
  } catch (error) {
    return String(Reflect.get(Object(error), 'stdout'));
  }
};

test.each([
  { module: 'esnext', moduleResolution: 'bundler' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
])('the packed package compiles in an empty strict project, with operations of its own: $moduleResolution', (modules) => {
  const files = {
    'pay.ts': `
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { parse } from 'graphql';
import { allOf, createTollgate, type Document, payments, type Payment } from 'tollgate-client';
import { orderStore } from 'tollgate-client/stores';
import { toReadable } from 'tollgate-client/svelte';
import { useStore } from 'tollgate-client/vue';
export const tollgate = createTollgate({ url: '/graphql', token: async () => undefined });
const mine = 'query Mine($id: ID!) { payment(id: $id) { status } }' as Document<{ payment: { status: string } | null }, { id: string }>;
export const status = async (): Promise<string | undefined> => (await tollgate.request(mine, { id: '1' })).payment?.status;
export const all = async () => { for await (const payment of allOf((after) => payments(tollgate, { after }))) console.log(payment.id); };
const own: TypedDocumentNode<{ viewer: { accountId: string | null } }, { at?: string }> = parse('{ viewer { accountId } }');
export const account = async (): Promise<string | null> => (await tollgate.request(own, {})).viewer.accountId;
// @ts-expect-error what the server is given must be one of the schema's
export const misspelt = () => tollgate.pay({ orderId: '1', mode: 'ELEMENT' });
export const readable = toReadable(orderStore(tollgate, '1'));
export const ref = () => useStore(orderStore(tollgate, '1')).value.rows[0]?.status;
export const words = (payment: Payment): string => (payment.status === 'SUCCESSFUL' ? 'paid' : payment.status);
export const later: Payment['status'] = 'A_STATUS_OF_A_LATER_RELEASE';
export const pay = () => tollgate.pay({ orderId: '1', amount: 1_800, currency: 'USD' });
`,
    'page.tsx': `
import { createTollgate } from 'tollgate-client';
import { RecurringCheckout, TollgateCheckout, TollgateProvider, useOrderPayments } from 'tollgate-client/react';
const tollgate = createTollgate({ url: '/graphql', token: async () => 'a token' });
const Status = () => <p>{useOrderPayments('12').rows.map(({ status }) => status).join()}</p>;
export const Page = () => (
  <TollgateProvider client={tollgate} locale="de" texts={{ 'pay.now': 'Los' }}>
    <Status />
    <TollgateCheckout orderId="12" amount={1800} currency="USD" onStatus={({ status }) => console.log(status)} />
    <RecurringCheckout orderId="13" priceId="price_1" />
  </TollgateProvider>
);
`,
  };
  expect(compile(files, modules)).toBe('');
});

test('Vite builds it, with the forms of Stripe and of the sandbox apart; a server renders it, and opens nothing', () => {
  const run = (script: string, ...words: string[]): string =>
    execFileSync('node', [path.join(MODULES, script), ...words], { cwd: project, encoding: 'utf8', stdio: 'pipe' });
  const render = `
import { StrictMode, createElement } from 'react';
import { createTollgate } from 'tollgate-client';
import { RecurringCheckout, TollgateCheckout, TollgateProvider } from 'tollgate-client/react';
const client = createTollgate({ url: 'http://127.0.0.1:9/graphql', token: () => { throw new Error('asked'); } });
export const page = createElement(StrictMode, null, createElement(TollgateProvider, { client, locale: 'fr' },
  createElement(TollgateCheckout, { orderId: '12', amount: 1800, currency: 'EUR' }),
  createElement(RecurringCheckout, { orderId: '13', priceId: 'price_1' })));
export const isIdle = () => client.connection.current() === 'idle';
`;
  fs.writeFileSync(path.join(project, 'render.js'), render);
  fs.writeFileSync(path.join(project, 'index.html'), '<script type="module" src="/main.js"></script>');
  fs.writeFileSync(
    path.join(project, 'main.js'),
    "import { createRoot } from 'react-dom/client'; import { page } from './render.js'; createRoot(document.body).render(page);",
  );
  run('vite/bin/vite.js', 'build', '--logLevel', 'warn');
  const files = fs.readdirSync(path.join(project, 'dist', 'assets'));
  for (const form of ['stripe-form', 'sandbox-form']) expect(files.some((file) => file.startsWith(form))).toBe(true);
  fs.writeFileSync(
    path.join(project, 'server.js'),
    "import { renderToString } from 'react-dom/server'; import { isIdle, page } from './render.js'; console.log(renderToString(page), isIdle());",
  );
  const printed = execFileSync('node', ['server.js'], { cwd: project, encoding: 'utf8' });
  expect(printed.replace(/\s/g, ' ')).toMatch(/Payer 18,00 €.*S’abonner.* true $/);
});

test('paying and watching alone are under 12 KB, compressed, with the socket', async () => {
  const entry = path.join(project, 'entry.js');
  fs.writeFileSync(
    entry,
    `import { createTollgateClient, pay, watchPayment } from 'tollgate-client';
globalThis.start = (url, token) => { const client = createTollgateClient({ url, token }); return [pay(client, {}), watchPayment(client, '1')]; };`,
  );
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  const [file] = outputFiles;
  expect(file?.text).not.toContain('initiateRecurringPayment'); // what isn't used isn't there
  const bytes = gzipSync(file?.contents ?? '').length;
  process.stdout.write(`pay and watchPayment: ${bytes} bytes compressed\n`);
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(MOST_BYTES);
});

test('it has no dependency but graphql-ws, and no module with side effects', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(project, 'node_modules/tollgate-client/package.json'), 'utf8'));
  expect(Object.keys(manifest.dependencies)).toEqual(['graphql-ws']);
  expect(manifest.sideEffects).toBe(false);
  const operations = fs.readFileSync(path.join(project, 'node_modules/tollgate-client/operations.graphql'), 'utf8');
  expect(operations).toContain('mutation Pay(');
});
