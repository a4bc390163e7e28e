import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.js';
import { wordsOf } from '../core/errors.js';
import { type EmbeddedGround, openEmbeddedGround } from '../embedded/embedded-run.js';
import { checkFlowTypes } from '../flows/flow-types.js';
import { placeOf } from '../flows/project-file.js';
import { isLiveKey } from '../installation/stripe-connection.js';
import { createLogger } from '../logger.js';
import { DEV_SERVER, ServerMessage } from './dev-server.js';
import { UsageError } from './output.js';
import { commandConfig } from './workspace.js';

/** An editor writes a file in several steps. */
const SETTLED_MS = 50;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** A server in its own process, since a loaded module can't be reloaded; it loads its code, and starts when it is told to. */
const spawnServer = (followed: object): ChildProcess => {
  const server = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', DEV_SERVER], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...followed, ...process.env },
  });
  server.once('exit', (code) => {
    if (code !== null && code !== 0) say(`The server ended with code ${code}. It starts again when a flow changes.`);
  });
  return server;
};

/** Has it start, and tells on where it answers; resolves then, or once it has ended instead. */
const startServer = async (server: ChildProcess, ground: EmbeddedGround | undefined): Promise<void> => {
  const started = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.on('message', async (message) => {
      const said = ServerMessage.parse(message);
      if ('hasStarted' in said) return resolve();
      await ground?.announce(said.answersAt);
      if (server.connected) server.send({});
    });
  });
  server.send({ start: ground ? { databaseUrl: ground.databaseUrl, sandboxUrl: ground.sandboxUrl } : null });
  await started;
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

/** What breaks the flows' types is told; the server runs them all the same. */
const tellTypes = async ({ embedded, production, flowFolder, dataDir }: Config): Promise<void> => {
  if (!embedded || production) return;
  await checkFlowTypes(flowFolder, path.join(dataDir, 'flow-types')).catch((error: unknown) => say(wordsOf(error)));
};

/** Servers one after the other, on one ground. One more has always loaded its code, so that a change waits for none of that. */
const createServers = (config: Config, ground: EmbeddedGround | undefined, first: ChildProcess) => {
  const followed = followsEvents(config) ? { TOLLGATE_FOLLOW_EVENTS_SECONDS: '2' } : {};
  let current: ChildProcess | undefined;
  let spare: ChildProcess | undefined = first;
  return {
    async restart() {
      if (current) await stopServer(current);
      current = spare?.connected ? spare : spawnServer(followed);
      await startServer(current, ground);
      spare = spawnServer(followed);
      await tellTypes(config);
    },
    async stop() {
      await Promise.all([current, spare].map((server) => server && stopServer(server)));
    },
  };
};

const runDev = async (): Promise<void> => {
  const config = commandConfig();
  const { flowFolder } = config;
  if (!fs.existsSync(flowFolder))
    throw new UsageError(`There are no flows in ${flowFolder}. Make a project with "npx tollgate init".`);
  const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const first = spawnServer(followsEvents(config) ? { TOLLGATE_FOLLOW_EVENTS_SECONDS: '2' } : {});
  const opened = config.embedded ? openEmbeddedGround(config, createLogger(config.log)) : undefined;
  const ground = await opened?.catch(async (error: unknown) => {
    await stopServer(first);
    throw error;
  });
  const servers = createServers(config, ground, first);
  let timer: NodeJS.Timeout | undefined;
  let turn = servers.restart();
  let isEnding = false;
  const watcher = fs.watch(flowFolder, { recursive: true }, (_, name) => {
    if (name === null || !/\.(m?[jt]s|json)$/.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      say(`${placeOf(flowFolder)}/${name} changed: starting again.`);
      turn = turn.then(() => (isEnding ? undefined : servers.restart()));
    }, SETTLED_MS);
  });
  await ended;
  isEnding = true;
  clearTimeout(timer);
  watcher.close();
  await servers.stop();
  await turn;
  await servers.stop();
  await ground?.stop();
};

/** Adds the command for working on the flows. */
export const addDevCommand = (program: Command): void => {
  program
    .command('dev')
    .description('run the server, and start it again when a flow or an effect changes')
    .action(runDev);
};
