import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../config.js';
import { placeOf } from '../flows/project-file.js';
import { isLiveKey } from '../installation/stripe-connection.js';
import { UsageError } from './output.js';
import { commandConfig } from './workspace.js';

/** An editor writes a file in several steps. */
const SETTLED_MS = 50;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The server in its own process: a loaded module can't be reloaded. */
const startServer = (followed: object): ChildProcess => {
  const server = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', 'start'], {
    stdio: 'inherit',
    env: { ...followed, ...process.env },
  });
  server.once('exit', (code) => {
    if (code !== null && code !== 0) say(`The server ended with code ${code}. It starts again when a flow changes.`);
  });
  return server;
};

/** Asks it to stop, letting work in progress finish; resolves once it has exited. */
const stopServer = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  await gone;
};

/** No webhook of Stripe's reaches a laptop: its events are asked for, unless the environment says otherwise. The sandbox reaches it. */
const followsEvents = ({ publicUrl, sandbox, stripe }: Config): boolean =>
  publicUrl === undefined && !sandbox && !(stripe.secretKey !== undefined && isLiveKey(stripe.secretKey));

const runDev = async (): Promise<void> => {
  const config = commandConfig();
  const { flowFolder } = config;

  if (!fs.existsSync(flowFolder))
    throw new UsageError(`There are no flows in ${flowFolder}. Make a project with "npx tollgate init".`);
  const followed = followsEvents(config) ? { TOLLGATE_FOLLOW_EVENTS_SECONDS: '2' } : {};
  let server = startServer(followed);
  let timer: NodeJS.Timeout | undefined;
  let turn = Promise.resolve();
  let isEnding = false;
  const restart = async (): Promise<void> => {
    await stopServer(server);
    if (!isEnding) server = startServer(followed);
  };
  const watcher = fs.watch(flowFolder, { recursive: true }, (_, name) => {
    if (name === null || !/\.(m?[jt]s|json)$/.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      say(`${placeOf(flowFolder)}/${name} changed: starting again.`);
      turn = turn.then(restart);
    }, SETTLED_MS);
  });
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  isEnding = true;
  clearTimeout(timer);
  watcher.close();
  await turn;
  await stopServer(server);
};

/** Adds the command for working on the flows. */
export const addDevCommand = (program: Command): void => {
  program
    .command('dev')
    .description('run the server, and start it again when a flow or an effect changes')
    .action(runDev);
};
