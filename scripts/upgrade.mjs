// A project upgrades: made by this version's tarball, it goes to a next version's by changing the number and "npx tollgate migrate",
// while people pay. Old and new servers run side by side on one database; then the old release is gone back to, and one that is two
// releases behind is refused. Each step is printed; exit code 0 only if every one held. docs/upgrading.md tells the same to people.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureInstalled } from './install.mjs';
import { installPackage, makeNextPackage, makeProject, packPackage } from './packed-project.mjs';
import { ask, CLI, cleanEnvironment, confirm, createTrial, freePort, runSql } from './trial.mjs';

const BUYERS = 4;
/** How long people pay in each stage. */
const STAGE_MS = 2_000;
const SETTLE_MS = 30_000;
const PAY = `mutation ($input: PayInput!) {
  pay(input: $input) { payment { id stripePaymentIntentId } clientSecret publishableKey } }`;
const SHOP = `create table public.booking (
  ref uuid primary key default gen_random_uuid(), guest text not null, cents bigint not null, currency text not null,
  status text not null default 'pending')`;
const BIND = ['activate', '--yes', '--order-table', 'public.booking', '--id-column', 'ref', '--owner-column', 'guest'];
const MONEY = ['--amount-column', 'cents', '--currency-column', 'currency'];

const trial = createTrial();
const { createCli, makeFolder, openPostgres, openRedis, run, start, step, untilLine } = trial;

/** People who order and pay without a pause, each time at the next of the servers that take payments. */
const startBuyers = ({ databaseUrl, sandboxUrl, token }) => {
  const servers = [];
  const begun = [];
  const failures = [];
  let isOver = false;
  let turn = 0;
  const buy = async () => {
    const [{ ref }] = await runSql(
      databaseUrl,
      `insert into public.booking (guest, cents, currency) values ('ann', 1000, 'EUR') returning ref`,
    );
    turn += 1;
    const url = servers[turn % servers.length];
    const { pay } = await ask(url, token, PAY, { input: { orderId: ref, idempotencyKey: ref } });
    await confirm(sandboxUrl, pay);
    begun.push({ ref, url });
  };
  const buyer = async () => {
    while (!isOver) {
      if (servers.length === 0) await delay(10);
      else await buy().catch((error) => failures.push(error));
    }
  };
  const buyers = Array.from({ length: BUYERS }, buyer);
  return {
    servers,
    begun,
    failures,
    end: async () => {
      isOver = true;
      await Promise.all(buyers);
    },
  };
};

/** Stripe tells both servers of everything: each event comes twice. */
const registerEndpoint = async (sandboxUrl, url) => {
  const body = new URLSearchParams({ url: `${url}/webhooks/stripe`, 'enabled_events[0]': '*' });
  const response = await fetch(`${sandboxUrl}/v1/webhook_endpoints`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_sandbox' },
    body,
  });
  assert.equal(response.status, 200);
  return (await response.json()).secret;
};

/** What Stripe, our rows, the timeline and the orders say of the payments: as many, each once. */
const compare = async (databaseUrl, { begun, failures }) => {
  assert.deepEqual(failures, []);
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const [said] = await runSql(
      databaseUrl,
      `select (select count(*)::int from public.booking where status = 'paid') as "paid",
        (select count(*)::int from public.booking) as "orders",
        (select count(*)::int from tollgate.payment where status = 'SUCCESSFUL' and amount_received = 1000) as "successful",
        (select count(*)::int from tollgate.payment) as "payments",
        (select count(*)::int from tollgate.change where node_type = 'PAYMENT' and to_status = 'SUCCESSFUL'
          and from_status is distinct from to_status) as "changes",
        (select count(distinct stripe_payment_intent_id)::int from tollgate.payment) as "intents"`,
    );
    const wanted = begun.length;
    if (Object.values(said).every((count) => count === wanted)) return `${wanted} orders, each paid once`;
    if (performance.now() > deadline)
      assert.fail(`${wanted} payments were made, and the database says ${JSON.stringify(said)}`);
    await delay(50);
  }
};

/** The project in a folder of its own with the next package, as a new image has it. */
const copyWith = async (project, name, tarball, environment) => {
  const copy = path.join(path.dirname(project), name);
  fs.cpSync(project, copy, { recursive: true, verbatimSymlinks: true });
  await installPackage(copy, tarball, environment);
  return copy;
};

const serve = async (project, environment, port) => {
  const env = { ...environment, PORT: String(port) };
  const { lines, end } = start(process.execPath, [CLI, 'start'], { cwd: project, env });
  await untilLine(lines, (line) => line.includes('/webhooks/stripe'));
  return { url: `http://127.0.0.1:${port}`, end };
};

const journey = async () => {
  await ensureInstalled();
  const environment = cleanEnvironment();
  const folder = makeFolder('upgrade');
  const ports = [await freePort(), await freePort()];
  let packed;
  let old;
  let next;
  let later;
  await step('npm pack, and the next two versions of it', async () => {
    packed = await packPackage(folder, environment);
    const made = (number) => ({ version: `0.${number}.0`, release: number, env: environment });
    next = await makeNextPackage({ ...made(2), tarball: packed.tarball, folder: path.join(folder, 'next') });
    later = await makeNextPackage({ ...made(3), tarball: next, folder: path.join(folder, 'later') });
  });
  await step('A project of this version, and the same with the next numbers', async () => {
    old = await makeProject({ folder: path.join(folder, 'app'), tarball: packed.tarball, env: environment });
    next = await copyWith(old, 'shop-next', next, environment);
    later = await copyWith(old, 'shop-later', later, environment);
  });
  const databaseUrl = await openPostgres(old);
  const { lines } = start(process.execPath, [CLI, 'sandbox', '--port', '0'], { cwd: old, env: environment });
  const sandboxUrl = /http:\S+/.exec(await untilLine(lines, (line) => line.includes('http')))?.[0];
  const secrets = [];
  for (const port of ports) secrets.push(await registerEndpoint(sandboxUrl, `http://127.0.0.1:${port}`));
  Object.assign(environment, {
    DATABASE_URL: databaseUrl,
    REDIS_URL: await openRedis(),
    STRIPE_API_BASE: sandboxUrl,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: secrets.join(','),
    JWT_SECRET: randomBytes(48).toString('base64'),
    TOLLGATE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    LOG_FORMAT: 'json',
  });
  const [oldCli, nextCli, laterCli] = [old, next, later].map((project) => createCli(project, environment));
  let first;
  let second;
  let buyers;
  await step('This version: migrate, activate, start; people begin to pay', async () => {
    await runSql(databaseUrl, SHOP);
    await oldCli(['migrate']);
    await oldCli([...BIND, ...MONEY]);
    await oldCli(['plan', 'PRO']);
    // The flows, which activate wrote, are the project's in every copy.
    for (const copy of [next, later]) fs.cpSync(path.join(old, 'flows'), path.join(copy, 'flows'), { recursive: true });
    first = await serve(old, environment, ports[0]);
    const token = (await oldCli(['token', '--account', 'ann'])).trim();
    buyers = startBuyers({ databaseUrl, sandboxUrl, token });
    buyers.servers.push(first.url);
    await delay(STAGE_MS);
  });
  const refused = async (cli, words, saying) => {
    await cli(words, { code: 1 });
    assert.match(trial.seen.at(-1), saying);
  };
  await step('The next version refuses a database that is older, with the remedy', () =>
    refused(nextCli, ['start'], /older than this server.*npx tollgate migrate/),
  );
  await step('npx tollgate migrate of the next version, while the old server takes payments', async () => {
    const { migrations } = JSON.parse(await nextCli(['migrate', '--json']));
    assert.deepEqual(migrations, ['NextRelease9000000000000']);
    await delay(STAGE_MS);
  });
  await step('Old and new servers side by side', async () => {
    second = await serve(next, environment, ports[1]);
    buyers.servers.push(second.url);
    await delay(STAGE_MS);
  });
  await step('The old server stops under load', async () => {
    buyers.servers.splice(0, buyers.servers.length, second.url);
    await first.end();
    await delay(STAGE_MS);
  });
  await step('Going back: the old version starts on the migrated database, and the new one stops', async () => {
    first = await serve(old, environment, ports[0]);
    assert.deepEqual(JSON.parse(await oldCli(['migrate', '--json'])), { migrations: [] });
    buyers.servers.splice(0, buyers.servers.length, first.url);
    await delay(STAGE_MS);
    await second.end();
    await buyers.end();
  });
  await step('Nothing is lost and nothing doubled', () => compare(databaseUrl, buyers));
  await step('Reconciliation finds nothing that was missed', async () => {
    const { drift, missing } = JSON.parse(await nextCli(['reconcile', '--dry-run', '--json']));
    assert.deepEqual({ drift, missing }, { drift: [], missing: [] });
  });
  await step('The database of a release that is two ahead is refused, in words', async () => {
    await first.end();
    await laterCli(['migrate']);
    await refused(oldCli, ['start'], /database of release 3, and this is release 1/);
    await refused(oldCli, ['migrate'], /database of release 3, and this is release 1/);
    second = await serve(next, environment, ports[1]);
    return 'the one that is one behind runs';
  });
};

await run(journey);
