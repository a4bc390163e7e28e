/** A row with its version, which rises with every change. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
}

/** Where a subscription puts what it gets. */
export interface Sink<Row> {
  row(row: Row): void;
  /** The server was heard: from now on no row means that there is none. Twice changes nothing. */
  ready(): void;
  /** Ends the stream; with an error its reader gets that. */
  end(error?: Error): void;
}

/** Rows as they change. */
export interface RowStream<Row> extends AsyncIterableIterator<Row, undefined> {
  /** Resolves when the server was heard, or the stream has ended: a stream that gave no row by then is empty, and no longer waits. */
  readonly ready: Promise<void>;
}

/**
 * Rows as an async iterator: versions of a row only rise, also across reconnects. A slow reader gets the newest version
 * of each row, not a growing queue. `return()`, which leaving `for await` calls, frees everything at once.
 */
export const createRowStream = <Row extends Versioned>(start: (sink: Sink<Row>) => () => void): RowStream<Row> => {
  const seen = new Map<string, number>();
  const waiting = new Map<string, Row>();
  let wake: (() => void) | undefined;
  let ended = false;
  let failure: Error | undefined;
  let heard: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    heard = resolve;
  });

  const stop = start({
    row(row) {
      if (ended || row.version <= (seen.get(row.id) ?? -1)) return;
      seen.set(row.id, row.version);
      waiting.set(row.id, row);
      heard();
      wake?.();
    },
    ready: heard,
    end(error) {
      ended = true;
      failure ??= error;
      heard();
      wake?.();
    },
  });

  return {
    ready,
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
      heard();
      wake?.();
      return { done: true, value: undefined };
    },
  };
};
