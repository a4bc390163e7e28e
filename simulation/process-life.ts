import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { readConfig } from '../src/config.js';
import { startTollgate } from '../src/main.js';
import { loadSampleFlows, observeAll, withoutTrouble } from './flows.js';
import { environmentOf, type StartServer, TIMING } from './server.js';
import { openStripeLink } from './stripe-link.js';

const isSource = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(new URL(isSource ? './server-process.ts' : './server-process.js', import.meta.url));

/** Starts a server as a process of its own; `kill` is SIGKILL. It has no named points to die at. */
export const startProcess: StartServer = async ({ database, sandboxUrl, publicUrl, effectUrl, batches, died }) => {
  const environment = environmentOf(database, sandboxUrl, batches, publicUrl);
  const stripe = await openStripeLink({ url: new URL(sandboxUrl), armed: () => undefined, die: () => undefined });
  const child = fork(ENTRY, {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      SIMULATION_EFFECT_URL: effectUrl,
      ...environmentOf(database, `http://127.0.0.1:${stripe.port}`, batches, publicUrl),
    },
    execArgv: isSource ? ['--import', 'tsx'] : ['--enable-source-maps'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const death = new AbortController();
  const ended = once(child, 'exit').then(() => {
    death.abort();
    return stripe.close();
  });
  const url = await Promise.race([
    once(child, 'message').then(([said]) => String(said)),
    ended.then(() => Promise.reject(new Error('The server ended while it started.'))),
  ]);
  // What operators do by command is done from here, on the same database.
  const command = await startTollgate(readConfig(environment), {
    log: pino({ level: 'silent' }),
    flows: observeAll(await loadSampleFlows(), withoutTrouble(effectUrl)),
    command: { rehearses: false },
    keyTiming: TIMING.keyTiming,
  });
  return {
    url,
    operations: command.operations,
    died: death.signal,
    quiet: stripe.quiet,
    arm: () => undefined,
    kill() {
      if (death.signal.aborted) return;
      death.abort();
      child.kill('SIGKILL');
      died(undefined);
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await command.stop();
    },
  };
};
