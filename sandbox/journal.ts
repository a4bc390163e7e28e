import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Change } from './store.js';

type Line = readonly [partition: string, table: string, seq: number, id: string, value: Change['value']];

/** Keeps the changes of a store in a file. */
export interface Journal {
  /** Remembers a change; it is on disk at most about 50 ms later. Only a row's newest state is written. */
  record(change: Change): void;
  /** Rewrites the file with what `dump` gives and nothing else. */
  rewrite(): Promise<void>;
  /** Writes what is left and closes the file. */
  close(): Promise<void>;
}

const FLUSH_MS = 50;
const REWRITE_AFTER_BYTES = 64 * 1024 * 1024;

const readLines = async (file: string): Promise<Line[]> => {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const complete = content.slice(0, content.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => JSON.parse(line) as Line[]);
};

const toLine = ({ partition, table, seq, id, value }: Change): Line => [partition, table, seq, id, value];

/**
 * Opens the file, replays it through `load`, and rewrites it compactly. Each line is all that changed since the line
 * before, so a process killed at any moment loses its last line at most and never keeps half of a request. It holds secrets
 * of customers and endpoints, so its owner alone may read it.
 */
export const openJournal = async (
  file: string,
  load: (change: Change) => void,
  dump: () => Iterable<Change>,
): Promise<Journal> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  for (const [partition, table, seq, id, value] of await readLines(file)) load({ partition, table, seq, id, value });

  let handle: FileHandle | undefined;
  let written = 0;
  let dirty = new Map<string, Change>();
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<void> = Promise.resolve();

  const writeAll = async (): Promise<void> => {
    dirty = new Map();
    const content = [...dump()].map((change) => `${JSON.stringify([toLine(change)])}\n`).join('');
    const fresh = await open(`${file}.new`, 'w', 0o600);
    await fresh.chmod(0o600); // one that a killed process left may have another mode
    await fresh.writeFile(content);
    await fresh.sync();
    await rename(`${file}.new`, file);
    await handle?.close();
    handle = fresh;
    written = 0;
  };

  const flush = async (): Promise<void> => {
    if (dirty.size === 0) return;
    if (written > REWRITE_AFTER_BYTES) return await writeAll();
    const lines = [...dirty.values()].map(toLine);
    dirty = new Map();
    const content = `${JSON.stringify(lines)}\n`;
    written += content.length;
    await handle?.appendFile(content);
  };

  const enqueue = (work: () => Promise<void>): Promise<void> => {
    queue = queue.then(work);
    return queue;
  };

  await writeAll();
  return {
    record: (change) => {
      dirty.set(`${change.partition}|${change.table}|${change.id}`, change);
      timer ??= setTimeout(() => {
        timer = undefined;
        void enqueue(flush);
      }, FLUSH_MS);
    },
    rewrite: () => enqueue(writeAll),
    close: async () => {
      clearTimeout(timer);
      timer = undefined;
      await enqueue(flush);
      await handle?.close();
    },
  };
};
