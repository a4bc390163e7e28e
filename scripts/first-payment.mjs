// The hour in which Tollgate is put in front of an app, as one script. First as a newcomer: the package is packed, installed in
// an empty folder, a project made, tested, started on embedded defaults and paid at. Then for real: an empty database, an order
// table with a uuid key, a Stripe-compatible server, a Redis; only commands, HTTP and a socket, up to the first live payment.
// Each step is printed; exit code 0 only if every one held.
// DATABASE_URL (a server on which a database may be made), REDIS_URL and what says how these are reached are used where they are
// set, and BASE_PATH; SUPERUSER_DATABASE_URL for what DATABASE_URL's role may not.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ensureInstalled } from './install.mjs';
import { fingerprint, makeProject, packPackage, runScript } from './packed-project.mjs';
import { ask, CLI, cleanEnvironment, confirm, createTrial, freePort, runFile, runSql, WAIT_MS } from './trial.mjs';

/** Of an account of its own, so that the keys which the sandbox names to everyone are not taken for ours. */
const KEYS = {
  test: ['pk_test_sandbox_inn', 'sk_test_sandbox_inn'],
  live: ['pk_live_sandbox_inn', 'sk_live_sandbox_inn'],
};
const SECRETS = [KEYS.test[1], KEYS.live[1], 'whsec_'];
const SHOP = `create table public.booking (
  ref uuid primary key default gen_random_uuid(), guest text not null, cents bigint not null, currency text not null,
  status text not null default 'pending')`;

const { createCli, makeFolder, openPostgres, openRedis, run, seen, start, step, untilLine } = createTrial();

const PAY = `mutation ($input: PayInput!) {
  pay(input: $input) { payment { id status livemode stripePaymentIntentId } clientSecret publishableKey } }`;
const WATCH = 'subscription ($id: ID!) { paymentUpdated(id: $id) { id status livemode amountReceived } }';

/** Pays as a browser does: pay, watch, confirm with the publishable key; gives the rows that the socket showed. */
const payOnce = async ({ url, token, sandboxUrl, orderId, amount }) => {
  const { pay } = await ask(url, token, PAY, { input: { orderId, amount, currency: 'EUR' } });
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const timer = setTimeout(() => client.terminate(), WAIT_MS);
  const rows = [];
  try {
    for await (const { data } of client.iterate({ query: WATCH, variables: { id: pay.payment.id } })) {
      rows.push(data.paymentUpdated);
      if (rows.length === 1) await confirm(sandboxUrl, pay);
      if (data.paymentUpdated.status === 'SUCCESSFUL') return rows;
    }
    throw new Error(`the socket ended with ${JSON.stringify(rows)}`);
  } finally {
    clearTimeout(timer);
    await client.dispose();
  }
};

/** As a newcomer: the package alone, up to a payment at the demo shop. Gives the project. */
const firstMinutes = async (environment) => {
  const folder = makeFolder('first-payment');
  let packed;
  let project;
  await step('npm pack', async () => {
    packed = await packPackage(folder, environment);
    const kilobytes = (bytes) => `${Math.round(bytes / 1024)} kB`;
    return `${packed.entryCount} files, ${kilobytes(packed.size)}, ${kilobytes(packed.unpackedSize)} unpacked`;
  });
  await step('npm install, npx tollgate init, npm install, below a path with a space', async () => {
    project = await makeProject({ folder: path.join(folder, 'an app'), tarball: packed.tarball, env: environment });
  });
  const modules = path.join(project, 'node_modules');
  const before = fingerprint(modules);
  await step('npm run types', () => runScript(project, 'types', environment).then(() => undefined));
  await step('npm test', async () => {
    const said = await runScript(project, 'test', environment);
    assert.match(said, /pass 4\n/);
    assert.match(said, /fail 0\n/);
    return 'it pays, declines, sells out, and renews';
  });
  await step('npm start, a payment at the demo shop, and its end', () => payAtTheShop(project, environment));
  await step('Nothing was written into node_modules', () => assert.equal(fingerprint(modules), before));
  return project;
};

const payAtTheShop = async (project, environment) => {
  const env = { ...environment, PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()) };
  const url = `http://127.0.0.1:${env.PORT}`;
  const { lines, end } = start('npm', ['start'], { cwd: project, env });
  await untilLine(lines, (line) => line.includes(`${url}/console`));
  for (const page of ['/', '/console']) assert.equal((await fetch(`${url}${page}`)).status, 200, page);
  const { token } = await (await fetch(`${url}/demo/token?account=demo-customer`)).json();
  const made = await fetch(`${url}/demo/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ amount: 2500, currency: 'EUR' }),
  });
  const { id: orderId } = await made.json();
  const sandboxUrl = `http://127.0.0.1:${env.SANDBOX_PORT}`;
  const rows = await payOnce({ url, token, sandboxUrl, orderId, amount: 2500 });
  await end(); // of npm; that the server has ended too is seen at its output's end
  await assert.rejects(fetch(`${url}/health`));
  return rows.map(({ status }) => status).join(' → ');
};

const journey = async () => {
  let databaseUrl;
  let redisUrl;
  let sandboxUrl;
  let orders = [];
  await ensureInstalled();
  const environment = cleanEnvironment();
  /** How the real run reaches what it was given. */
  const hosting = Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(DATABASE_POOLER|DATABASE_DIRECT_URL|REDIS_|BASE_PATH)/.test(name),
    ),
  );
  const project = await firstMinutes(environment);
  const cli = createCli(project, environment);
  await step('An empty database, and the order table of an app', async () => {
    databaseUrl = await openPostgres(project);
    await runSql(databaseUrl, SHOP);
    orders = await runSql(
      databaseUrl,
      `insert into booking (guest, cents, currency) values ('ann', 4200, 'EUR'), ('ann', 1700, 'EUR'), ('ann', 9900, 'EUR')
        returning ref`,
    );
  });
  await step('A Redis', async () => {
    redisUrl = await openRedis();
  });
  await step('A local Stripe: tollgate sandbox', async () => {
    const words = [CLI, 'sandbox', '--port', '0'];
    const { lines } = start(process.execPath, words, { cwd: project, env: environment });
    sandboxUrl = /http:\S+/.exec(await untilLine(lines, (line) => line.includes('http')))?.[0];
    return sandboxUrl;
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}${hosting.BASE_PATH ?? ''}`;
  Object.assign(environment, {
    ...hosting,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    STRIPE_API_BASE: sandboxUrl,
    JWT_SECRET: randomBytes(48).toString('base64'),
    TOLLGATE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    TOLLGATE_DATA_DIR: path.join(project, '.tollgate-live'),
    PORT: String(port),
    PUBLIC_URL: url,
    LOG_FORMAT: 'json',
  });
  const columns = ['--id-column', 'ref', '--owner-column', 'guest', '--amount-column', 'cents'];
  const activate = [
    'activate',
    '--yes',
    '--order-table',
    'public.booking',
    ...columns,
    '--currency-column',
    'currency',
  ];

  await step('tollgate doctor names what is missing', () => cli(['doctor'], { code: 1 }).then(() => undefined));
  await step('tollgate migrate', async () => {
    const { migrations } = JSON.parse(await cli(['migrate', '--json']));
    assert.ok(migrations.length > 0);
    return `${migrations.length} migrations`;
  });
  await step('tollgate activate', async () => {
    const said = await cli(activate);
    assert.match(said, /bound to public\.booking for good/);
    // What only a superuser may do, where the role is none: by hand, with what was printed.
    const file = /--file "?([^"\n]+?)"? <database>/.exec(said)?.[1];
    if (file !== undefined) {
      const superuser = new URL(process.env['SUPERUSER_DATABASE_URL'] ?? databaseUrl);
      superuser.pathname = new URL(databaseUrl).pathname;
      await runFile(superuser.href, fs.readFileSync(path.resolve(project, file), 'utf8'));
    }
    assert.match(fs.readFileSync(path.join(project, 'flows/payment-callback.ts'), 'utf8'), /booking/);
    return 'bound, the flows are written';
  });
  await step('tollgate activate again, and another table', async () => {
    await cli(activate);
    await cli(['activate', '--order-table', 'public.booking', '--id-column', 'ref'], { code: 1 });
  });
  await step('tollgate plan PRO', () => cli(['plan', 'PRO']).then(() => undefined));
  await step('tollgate configure, with test keys', async () => {
    const said = await cli(['configure', '--json'], { input: KEYS.test.join('\n') });
    const { account, livemode, endpoint } = JSON.parse(said);
    assert.deepEqual({ livemode, outcome: endpoint.outcome }, { livemode: false, outcome: 'made' });
    return `${account}, endpoint ${endpoint.id}`;
  });
  await step('tollgate start', async () => {
    const { lines } = start(process.execPath, [CLI, 'start'], { cwd: project, env: environment });
    await untilLine(lines, (line) => line.includes('/webhooks/stripe'));
    assert.equal((await fetch(`${url}/ready`)).status, 200);
    return url;
  });
  await step('tollgate doctor: all is well', () => cli(['doctor']).then(() => undefined));
  const token = (await cli(['token', '--account', 'ann'])).trim();
  await step('A test payment, seen on a socket', async () => {
    const rows = await payOnce({ url, token, sandboxUrl, orderId: orders[0].ref, amount: 4200 });
    assert.deepEqual(rows.at(-1), { id: rows[0].id, status: 'SUCCESSFUL', livemode: false, amountReceived: 4200 });
    return rows.map(({ status }) => status).join(' → ');
  });
  await step('The generated flow marked the order', async () => {
    const [{ status }] = await runSql(databaseUrl, 'select status from booking where ref = $1', [orders[0].ref]);
    assert.equal(status, 'paid');
    return status;
  });
  await step('A test payment that stays open', async () => {
    await ask(url, token, PAY, { input: { orderId: orders[1].ref, amount: 1700, currency: 'EUR' } });
  });
  await step('tollgate configure, with live keys, while the server runs', async () => {
    const said = await cli(['configure', '--json'], { input: KEYS.live.join('\n') });
    const { livemode, openElsewhere } = JSON.parse(said);
    assert.equal(livemode, true);
    assert.equal(openElsewhere[0]?.payments, 1);
    return `${openElsewhere[0].payments} open test payment stays as it is`;
  });
  await step('The first live payment', async () => {
    const rows = await payOnce({ url, token, sandboxUrl, orderId: orders[2].ref, amount: 9900 });
    assert.deepEqual(rows.at(-1), { id: rows[0].id, status: 'SUCCESSFUL', livemode: true, amountReceived: 9900 });
    const [{ status }] = await runSql(databaseUrl, 'select status from booking where ref = $1', [orders[2].ref]);
    assert.equal(status, 'paid');
    return rows.map(({ status: shown }) => shown).join(' → ');
  });
  await step('tollgate doctor: all is well', () => cli(['doctor']).then(() => undefined));
  await step('No secret in anything that was printed', () => {
    const output = seen.join('\n').replaceAll('whsec_…', '');
    for (const secret of SECRETS) assert.ok(!output.includes(secret), `${secret} was printed`);
  });
};

await run(journey);
