import inspector from 'node:inspector';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { createBoardMemory, createWorkBoard, UNWATCHED, type Watch } from '../core/work-board.js';
import type { PostgresProcess } from '../storage/embedded-postgres.js';

/** The exit code of a process whose event loop stood still: a supervisor is to start it again. Source: EX_SOFTWARE of sysexits.h. */
export const EXIT_FROZEN = 70;

/** What the watchdog needs for an orderly end. */
export interface Means {
  /** Where it is written down whose code held up the process. */
  readonly databaseUrl?: string;
  /** Stopped with the process. */
  readonly postgres?: PostgresProcess;
}

/** What its thread is started with. */
export interface ThreadData {
  readonly memory: SharedArrayBuffer;
  readonly frozenMs: number;
  readonly format: Config['log']['format'];
  readonly flowFolder: string;
}

/**
 * Ends this process when its event loop stands still: nothing is answered then, and no signal is heard. It says whose code it
 * is, remembers that beyond the end, and stops an embedded PostgreSQL.
 */
export interface Watchdog {
  readonly watch: Watch;
  equip(means: Means): void;
}

/** Longer than a flow may run; with what the end needs, shorter than a stop may take. */
const FROZEN_MS = 8_000;
const BEATS = 40;

/** A thread of the sources has to be told how to read them. */
const startThread = (workerData: ThreadData): Worker => {
  if (import.meta.url.endsWith('.js'))
    return new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData });
  const [reader, file] = [import.meta.resolve('tsx/esm/api'), new URL('./watchdog-thread.ts', import.meta.url).href];
  const code = `import('${reader}').then(({ register }) => { register(); return import('${file}'); });`;
  return new Worker(code, { eval: true, workerData });
};

/** Starts the watchdog in a thread of its own, for as long as the process lives; none under a debugger, which stops processes for long. */
export const startWatchdog = (log: Logger, { log: { format }, flowFolder }: Config): Watchdog => {
  if (inspector.url() !== undefined) return { watch: UNWATCHED, equip: () => undefined };
  const memory = createBoardMemory();
  const board = createWorkBoard(memory);
  const thread = startThread({ memory, frozenMs: FROZEN_MS, format, flowFolder });
  thread.unref();
  thread.on('error', (error) =>
    log.error({ err: error }, 'the watchdog failed: a flow without end would hold up this process'),
  );
  setInterval(() => board.beat(), FROZEN_MS / BEATS).unref();
  return { watch: board, equip: (means) => thread.postMessage(means) };
};
