// What scripts that try the package in a project of its own have in common: steps, processes, a database, requests.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { secondsSince } from './run.mjs';
import { failed } from './step.mjs';

export const WAIT_MS = 60_000;
const PACKAGE = path.join('node_modules', 'tollgate');
/** The command of a project's package, from its folder. */
export const CLI = path.join(PACKAGE, 'bin', 'tollgate.mjs');

/** Below 32768, where outgoing connections can't have it by accident. */
export const freePort = async () => {
  const port = randomInt(20_000, 32_768);
  const probe = net.createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    return port;
  } catch {
    return freePort();
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
};

/** Runs one statement and gives its rows. */
export const runSql = async (url, text, values = []) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
};

/** Several statements at once, as psql would run a file. */
export const runFile = async (url, text) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
};

/** Sends a GraphQL operation and gives its data; fails on any error. */
export const ask = async (url, token, query, variables = {}) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
};

/** Confirms at the local Stripe as a browser does. */
export const confirm = async (sandboxUrl, { payment, clientSecret, publishableKey }) => {
  const response = await fetch(`${sandboxUrl}/v1/payment_intents/${payment.stripePaymentIntentId}/confirm`, {
    method: 'POST',
    body: new URLSearchParams({ key: publishableKey, client_secret: clientSecret, payment_method: 'pm_card_visa' }),
  });
  assert.equal(response.status, 200, await response.text());
};

/** The environment without what would configure a server. */
export const cleanEnvironment = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(STRIPE|TOLLGATE|JWT|SANDBOX|CORS|NODE_ENV|PORT|HOST|DATABASE|REDIS|BASE_PATH|npm_)/.test(name),
    ),
  );

/** One run of such a script: what it started ends with it. */
export const createTrial = () => {
  const stops = [];
  const seen = [];
  const startedAt = performance.now();

  const step = async (title, work) => {
    const began = performance.now();
    process.stdout.write(`${title} … `);
    const said = await work();
    process.stdout.write(`${secondsSince(began)}${said === undefined ? '' : `  ${said}`}\n`);
  };

  /** A folder in the temp directory that goes with the script. */
  const makeFolder = (name) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), `tollgate-${name}-`));
    fs.chmodSync(folder, 0o755); // started by root, PostgreSQL runs as somebody else
    stops.push(() => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
  };

  /** Starts a program and gives its lines as they come; it is ended with the script. */
  const start = (program, words, options = {}) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const closed = once(child, 'close');
    const end = async () => {
      child.kill('SIGTERM');
      await closed;
    };
    stops.push(end);
    const note = (line) => seen.push(line);
    createInterface({ input: child.stderr }).on('line', note);
    const lines = createInterface({ input: child.stdout }).on('line', note);
    return { lines, end };
  };

  const untilLine = (lines, holds) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing came:\n${seen.slice(-20).join('\n')}`)), WAIT_MS);
      const end = (settle) => (value) => {
        clearTimeout(timer);
        settle(value);
      };
      lines.on('line', (line) => holds(line) && end(resolve)(line));
      lines.once(
        'close',
        end(() => reject(new Error(`it ended:\n${seen.slice(-20).join('\n')}`))),
      );
    });

  /** An empty database: on the server of DATABASE_URL, or by the project's own package. */
  const openPostgres = async (project) => {
    const given = process.env['DATABASE_URL'];
    let admin = given;
    if (given === undefined) {
      const file = path.join(project, PACKAGE, 'dist', 'src', 'storage', 'embedded-postgres.js');
      const { startEmbeddedPostgres } = await import(pathToFileURL(file).href);
      const postgres = await startEmbeddedPostgres({ dataDir: path.join(project, 'postgres') });
      stops.push(() => postgres.stop());
      admin = postgres.url;
    }
    const name = `trial_${randomBytes(4).toString('hex')}`;
    await runSql(admin, `create database ${name}`);
    stops.push(() => runSql(admin, `drop database if exists ${name} with (force)`));
    const url = new URL(admin);
    url.pathname = `/${name}`;
    return url.href;
  };

  const openRedis = async () => {
    const given = process.env['REDIS_URL'];
    if (given !== undefined) return given;
    const port = await freePort();
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', os.tmpdir()];
    await untilLine(start('redis-server', words).lines, (line) => line.includes('Ready to accept connections'));
    return `redis://127.0.0.1:${port}`;
  };

  /** Runs one command in the project, as an operator types it; `input` is piped in. Fails unless it ends with `code`. */
  const createCli =
    (project, environment) =>
    async (words, { input = '', code = 0 } = {}) => {
      const child = spawn(process.execPath, [CLI, ...words], { cwd: project, env: environment });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'])
        child[name].setEncoding('utf8').on('data', (chunk) => {
          output[name] += chunk;
        });
      child.stdin.end(input);
      const [ended] = await once(child, 'close');
      seen.push(output.stdout, output.stderr);
      assert.equal(ended, code, `tollgate ${words.join(' ')}: exit code ${ended}\n${output.stdout}${output.stderr}`);
      return output.stdout;
    };

  /** Runs all of it, says how it ended, stops everything, and ends the process. */
  const run = async (journey) => {
    let outcome = 0;
    try {
      await journey();
      process.stdout.write(`\nEvery step held, in ${secondsSince(startedAt)}.\n`);
    } catch (error) {
      process.stdout.write('\n');
      outcome = 1;
      process.stderr.write(`${error?.stack ?? error}\n`);
      process.stderr.write(`The last lines that were printed:\n${seen.slice(-15).join('\n')}\n`);
    }
    for (const stop of stops.reverse()) await Promise.resolve(stop()).catch(failed);
    process.exit(outcome);
  };

  return { createCli, makeFolder, openPostgres, openRedis, run, seen, start, step, stops, untilLine };
};
