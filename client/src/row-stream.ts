/** A row with its version, which rises with every change. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
}

/** Where a subscription puts what it gets. */
export interface Sink<Row> {
  row(row: Row): void;
  /** Ends the stream; with an error its reader gets that. */
  end(error?: Error): void;
}

/**
 * Rows as an async iterator: versions of a row only rise, also across reconnects. A slow reader gets the newest version
 * of each row, not a growing queue. `return()`, which leaving `for await` calls, frees everything at once.
 */
export const createRowStream = <Row extends Versioned>(
  start: (sink: Sink<Row>) => () => void,
): AsyncIterableIterator<Row, undefined> => {
  const seen = new Map<string, number>();
  const waiting = new Map<string, Row>();
  let wake: (() => void) | undefined;
  let ended = false;
  let failure: Error | undefined;

  const stop = start({
    row(row) {
      if (ended || row.version <= (seen.get(row.id) ?? -1)) return;
      seen.set(row.id, row.version);
      waiting.set(row.id, row);
      wake?.();
    },
    end(error) {
      ended = true;
      failure ??= error;
      wake?.();
    },
  });

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const [row] = waiting.values();
        if (row) {
          waiting.delete(row.id);
          return { done: false, value: row };
        }
        if (failure) {
          const error = failure;
          failure = undefined;
          throw error;
        }
        if (ended) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async return() {
      ended = true;
      waiting.clear();
      stop();
      wake?.();
      return { done: true, value: undefined };
    },
  };
};
