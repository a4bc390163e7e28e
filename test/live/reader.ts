import type { Payment } from '../../src/nouns/payments/row.js';

/** Reads a stream to its end in the background and keeps what it saw. */
export interface Reader {
  readonly seen: { id: string; version: number }[];
  /** Resolves once the newest seen version of the row is at least this; rejects when the stream ends before. */
  sees(id: string, version: number): Promise<void>;
  /** Resolves when the stream ended, rejects with its error. */
  readonly ended: Promise<void>;
}

export const readAll = (stream: AsyncIterableIterator<Payment>): Reader => {
  const seen: { id: string; version: number }[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  const ended = (async () => {
    try {
      for await (const { id, version } of stream) {
        seen.push({ id, version });
        wake();
      }
    } finally {
      over = true;
      wake();
    }
  })();
  ended.catch(() => undefined);
  return {
    seen,
    ended,
    sees: (id, version) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const isSeen = seen.some((row) => row.id === id && row.version >= version);
          if (!isSeen && !over) return;
          waiting.delete(check);
          if (isSeen) resolve();
          else reject(new Error(`The stream ended before version ${version} of ${id}.`));
        };
        waiting.add(check);
        check();
      }),
  };
};

/** Whether each row's versions only rise. */
export const isRising = (seen: readonly { id: string; version: number }[]): boolean => {
  const newest = new Map<string, number>();
  return seen.every(({ id, version }) => {
    const rises = version > (newest.get(id) ?? 0);
    newest.set(id, version);
    return rises;
  });
};
