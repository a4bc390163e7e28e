// npm run demo: the whole journey, headless, against a server of its own: real HTTP, real sockets, signed webhooks.
// Prints each step; exit code 0 only if every step held. With --all also every status of a
// payment too.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { laterSteps } from './demo-steps.mjs';
import { ensureServer } from './ensure.mjs';
import { root, secondsSince } from './run.mjs';
import { failed } from './step.mjs';

const withAll = process.argv.includes('--all');
/** A month of billing takes longer. */
const STEP_MS = withAll ? 60_000 : 15_000;

/** Starts the embedded run in a folder of its own and resolves with its addresses. */
const startServer = (dataDir) =>
  new Promise((resolve, reject) => {
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TOLLGATE_DATA_DIR: dataDir,
      PORT: '0',
      SANDBOX_PORT: '0',
      LOG_LEVEL: 'warn',
    };
    const child = spawn(process.execPath, [path.join(root, 'dist', 'src', 'main.js')], { cwd: root, env });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
      const url = /GraphQL\s+(http:\S+)\/graphql/.exec(output)?.[1];
      const sandbox = /Sandbox\s+(http:\S+)/.exec(output)?.[1];
      if (url && sandbox && output.includes('Data')) resolve({ child, url, sandbox });
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${output}`)));
  });

/** Ways to talk to the server as one account; `observed` collects the statuses of payments that its streams show. */
const createAccount = async ({ url }, account, observed) => {
  const { createClient } = await import('graphql-ws');
  const { default: WebSocket } = await import('ws');
  const { token } = await (await fetch(`${url}/demo/token?account=${account}`)).json();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  return {
    close: () => client.dispose(),
    /** Data of the only root field; a refusal throws its code. */
    async ask(query, variables = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = await response.json();
      if (errors)
        throw Object.assign(new Error(`${errors[0].extensions?.code}: ${errors[0].message}`), {
          code: errors[0].extensions?.code,
        });
      return Object.values(data)[0];
    },
    async order(amount, currency, description) {
      const response = await fetch(`${url}/demo/orders`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ amount, currency, description }),
      });
      return (await response.json()).id;
    },
    orderStatus: async (id) => (await (await fetch(`${url}/demo/orders/${id}`)).json()).status,
    /** Reads a subscription until the row holds, and gives all rows. */
    watch(query, variables) {
      const stream = client.iterate({ query, variables });
      return {
        async until(holds) {
          const seen = [];
          for await (const { data, errors } of stream) {
            if (errors) throw new Error(errors[0].message);
            const [row] = Object.values(data);
            seen.push(row);
            if ('amountReceived' in row) observed.add(row.status);
            if (holds(row)) return seen;
          }
          throw new Error('the stream ended');
        },
      };
    },
  };
};

const PAY = `mutation ($input: PayInput!) { pay(input: $input) { payment { id status stripePaymentIntentId } clientSecret publishableKey } }`;
const WATCH = `subscription ($id: ID!) { paymentUpdated(id: $id) { id status version amountReceived failureCode } }`;

const expectThat = (holds, text) => {
  if (!holds) throw new Error(`expected ${text}`);
};

const limited = async (work) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing happened within ${STEP_MS / 1000} s`)), STEP_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Confirms as a browser does: publishable key and client secret. */
const confirmInBrowser = async (server, { payment, clientSecret, publishableKey }, paymentMethod) => {
  const response = await fetch(`${server.sandbox}/v1/payment_intents/${payment.stripePaymentIntentId}/confirm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${publishableKey}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      client_secret: clientSecret,
      payment_method: paymentMethod,
      return_url: 'http://127.0.0.1/return',
    }),
  });
  return response.status;
};

const payAndWatch = async (server, customer, { amount, currency, card, until, ...more }) => {
  const orderId = await customer.order(amount, currency, 'a demo');
  const paid = await customer.ask(PAY, { input: { orderId, amount, currency, ...more } });
  const seen = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === until);
  await confirmInBrowser(server, paid, card);
  return { orderId, paid, seen: await seen };
};

/** The journey, a step each: what it shows, and what must hold. */
const journey = (server, { customer, admin }) => [
  [
    'pay for an order and see it live',
    async () => {
      const { orderId, seen } = await payAndWatch(server, customer, {
        amount: 10_000,
        currency: 'USD',
        card: 'pm_card_visa',
        until: 'SUCCESSFUL',
      });
      expectThat((await customer.orderStatus(orderId)) === 'paid', 'the order to be paid');
      return seen.map(({ status, version }) => `${status} v${version}`).join(' → ');
    },
  ],
  [
    'paying a paid order is refused',
    async () => {
      const { orderId } = await payAndWatch(server, customer, {
        amount: 1_000,
        currency: 'JPY',
        card: 'pm_card_visa',
        until: 'SUCCESSFUL',
      });
      const refusal = await customer
        .ask(PAY, { input: { orderId, amount: 1_000, currency: 'JPY' } })
        .catch((error) => error);
      expectThat(refusal.code === 'ORDER_ALREADY_PAID', 'ORDER_ALREADY_PAID');
      return refusal.message;
    },
  ],
  [
    'a declined card, then another one',
    async () => {
      const { orderId, paid, seen } = await payAndWatch(server, customer, {
        amount: 2_500,
        currency: 'EUR',
        card: 'pm_card_visa_chargeDeclinedInsufficientFunds',
        until: 'FAILED',
      });
      const again = await customer.ask(PAY, { input: { orderId, amount: 2_500, currency: 'EUR' } });
      expectThat(again.payment.id === paid.payment.id, 'the same payment to be reused');
      const rest = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === 'SUCCESSFUL');
      await confirmInBrowser(server, again, 'pm_card_visa');
      await rest;
      return `${seen.at(-1).failureCode}, then ${await customer.orderStatus(orderId)}`;
    },
  ],
  [
    '3-D Secure',
    async () => {
      const { paid } = await payAndWatch(server, customer, {
        amount: 5_000,
        currency: 'GBP',
        card: 'pm_card_authenticationRequired',
        until: 'REQUIRES_ACTION',
      });
      const rest = customer.watch(WATCH, { id: paid.payment.id }).until(({ status }) => status === 'SUCCESSFUL');
      await fetch(`${server.sandbox}/_sandbox/payment_intents/${paid.payment.stripePaymentIntentId}/authenticate`, {
        method: 'POST',
        body: JSON.stringify({ outcome: 'complete' }),
      });
      return (await rest).map(({ status }) => status).join(' → ');
    },
  ],
  [
    'twenty calls at once make one payment',
    async () => {
      const orderId = await customer.order(700, 'USD', 'clicked twenty times');
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => customer.ask(PAY, { input: { orderId, amount: 700, currency: 'USD' } })),
      );
      const intents = new Set(answers.map(({ payment }) => payment.stripePaymentIntentId));
      expectThat(intents.size === 1, 'one payment intent');
      return [...intents][0];
    },
  ],
  [
    'another account’s payment is not to be had',
    async () => {
      const orderId = await admin.order(900, 'USD', 'not yours');
      const refusal = await customer
        .ask(PAY, { input: { orderId, amount: 900, currency: 'USD' } })
        .catch((error) => error);
      expectThat(refusal.code === 'ORDER_NOT_FOUND', 'ORDER_NOT_FOUND');
      return refusal.message;
    },
  ],
];

const run = async () => {
  await ensureServer();
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-demo-'));
  const startedAt = performance.now();
  const server = await startServer(dataDir);
  console.log(
    `a server of its own is up after ${secondsSince(startedAt)}: ${server.url}, with a sandbox: ${server.sandbox}\n`,
  );
  const observed = new Set();
  const accounts = {
    customer: await createAccount(server, 'demo-customer', observed),
    admin: await createAccount(server, 'demo-admin', observed),
  };
  const tools = { expectThat, payAndWatch, confirmInBrowser, observed };
  const later = laterSteps(server, accounts, tools);
  const steps = [...journey(server, accounts), ...later.story, ...(withAll ? later.statuses : [])];
  let broken = 0;
  try {
    for (const [title, step] of steps) {
      const stepAt = performance.now();
      const outcome = await limited(step()).then(
        (text) => `✓ ${title} (${secondsSince(stepAt)})\n    ${text}`,
        (error) => {
          broken += 1;
          return `✗ ${title}\n    ${error.message}`;
        },
      );
      console.log(outcome);
    }
  } finally {
    await Promise.all(Object.values(accounts).map((account) => account.close()));
    const gone = new Promise((resolve) => server.child.once('exit', resolve));
    server.child.kill('SIGTERM');
    await gone;
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
  console.log(broken === 0 ? `\nevery step held (${secondsSince(startedAt)})` : `\n${broken} step(s) did not hold`);
  process.exitCode = broken === 0 ? 0 : 1;
};

await run().catch(failed);
