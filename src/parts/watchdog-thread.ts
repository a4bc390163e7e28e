import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createWorkBoard, type Work } from '../core/work-board.js';
import { recordFreeze } from '../flows/freeze-record.js';
import { type PausedThread, pauseMainThread } from './paused-thread.js';
import { EXIT_FROZEN, type Means, type ThreadData } from './watchdog.js';

/** Each step of the end has its time, also on a busy machine; most take no time at all. */
const PAUSE_MS = 5_000;
const RECORD_MS = 2_000;
const POSTGRES_MS = 4_000;
const EXIT_MS = 5_000;
const LOOKS = 20;

const { memory, frozenMs, format, flowFolder } = workerData as ThreadData;
const board = createWorkBoard(memory);
let means: Means = {};
parentPort?.on('message', (more: Means) => {
  means = { ...means, ...more };
});

const inTime = async <T>(work: Promise<T>, limitMs: number): Promise<T> =>
  Promise.race([
    work,
    delay(limitMs).then(() => {
      throw new Error(`no answer within ${limitMs} ms`);
    }),
  ]);

const wordsOf = ({ sort, name, subject, event }: Work): string => {
  const by = event === undefined ? '' : `, event ${String(Reflect.get(event, 'id'))}`;
  if (sort === 'files') return `The loading of ${name}`;
  return sort === 'flow' ? `The flow ${name} (order ${subject}${by})` : `The effect ${name} (key ${subject})`;
};

/** Written at once and past the main thread, which will write no more. */
const say = (detail: object, msg: string): void => {
  const line =
    format === 'json' ? JSON.stringify({ level: 60, time: Date.now(), pid: process.pid, ...detail, msg }) : msg;
  try {
    fs.writeSync(2, `${line}\n`);
  } catch {
    // nobody reads
  }
};

const tell = (work: Work | undefined, paused: PausedThread | undefined): void => {
  const place = paused?.places[0];
  const who = work ? wordsOf(work) : 'Something';
  const { sort, name, subject, event } = work ?? {};
  say(
    {
      ...(sort === 'flow' && { flow: name, orderId: subject, eventId: event && Reflect.get(event, 'id') }),
      ...(sort === 'effect' && { effect: name, idempotencyKey: subject }),
      ...(paused && { places: paused.places.slice(0, 10) }),
    },
    `${who} has held up the process for ${frozenMs} ms${place === undefined ? '' : `, at ${place}`}. The process ends with code ${EXIT_FROZEN}.`,
  );
};

/** So that the next process knows; without the database it is found out again. */
const record = async (work: Work, place: string | undefined): Promise<void> => {
  const { databaseUrl } = means;
  const { sort } = work;
  if (databaseUrl === undefined || sort === 'files') return;
  await inTime(recordFreeze(databaseUrl, { ...work, sort, place }), RECORD_MS).catch((error: unknown) =>
    say({ err: String(error) }, `That it was held up could not be written down: ${String(error)}`),
  );
};

const stopPostgres = async (): Promise<void> => {
  const { postgres } = means;
  if (!postgres) return;
  const { shutDown } = await import('../storage/embedded-postgres.js');
  await inTime(shutDown(postgres), POSTGRES_MS).catch((error: unknown) =>
    say({ err: String(error) }, `The embedded PostgreSQL did not stop: ${String(error)}`),
  );
};

const endProcess = async (): Promise<void> => {
  const paused = await pauseMainThread(PAUSE_MS, flowFolder);
  const work = paused?.isOurs ? undefined : board.read()[0];
  tell(work, paused);
  if (work) await record(work, paused?.places[0]);
  await stopPostgres();
  paused?.exit(EXIT_FROZEN);
  await delay(paused ? EXIT_MS : 0);
  process.kill(process.pid, 'SIGKILL');
};

/** Looks are counted, not time: while the whole machine sleeps, nobody is late. */
let missed = 0;
let seen = board.beats();
const timer = setInterval(() => {
  const beats = board.beats();
  missed = beats === seen ? missed + 1 : 0;
  seen = beats;
  if (missed < LOOKS) return;
  clearInterval(timer);
  void endProcess();
}, frozenMs / LOOKS);
