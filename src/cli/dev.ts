import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Command } from 'commander';
import { placeOf } from '../flows/project-file.js';
import { UsageError } from './output.js';
import { commandConfig } from './workspace.js';

/** An editor writes a file in several steps. */
const SETTLED_MS = 50;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The server in its own process: a loaded module can't be reloaded. */
const startServer = (): ChildProcess => {
  const server = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', 'start'], { stdio: 'inherit' });
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

const runDev = async (): Promise<void> => {
  const { flowFolder } = commandConfig();
  if (!fs.existsSync(flowFolder))
    throw new UsageError(`There are no flows in ${flowFolder}. Make a project with "npx tollgate init".`);
  let server = startServer();
  let timer: NodeJS.Timeout | undefined;
  let turn = Promise.resolve();
  let isEnding = false;
  const restart = async (): Promise<void> => {
    await stopServer(server);
    if (!isEnding) server = startServer();
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
