import { NewestVersions } from './newest-versions.js';

/** A row whose version rises with every change. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
}

interface Waiter<Row> {
  resolve(result: IteratorResult<Row, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/**
 * What one subscriber reads: rows in rising versions, never an older one. It holds the newest version of each row that
 * waits, so a slow reader skips versions and memory is bounded by the number of rows. `check` is asked before each row is
 * handed out: `false` leaves the row out, and when it throws, the stream ends with that error.
 *
 * Not an async generator: the `return()` of one would wait for a pending `next()`.
 */
export class RowStream<Row extends Versioned> implements AsyncIterableIterator<Row, undefined> {
  readonly #check: (row: Row) => Promise<boolean>;
  readonly #onEnd: () => void;
  readonly #sent = new NewestVersions();
  readonly #waiters: Waiter<Row>[] = [];
  #pending = new Map<string, Row>();
  #started = false;
  #delivering = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(check: (row: Row) => Promise<boolean>, onEnd: () => void) {
    this.#check = check;
    this.#onEnd = onEnd;
  }

  /** Begins with these rows, in this order; what was offered before goes behind them, or replaces its older version. */
  start(rows: readonly Row[]): void {
    if (this.#ended) return;
    const early = this.#pending;
    this.#pending = new Map(rows.map((row) => [row.id, row]));
    this.#started = true;
    for (const row of early.values()) this.offer(row);
    void this.#deliver();
  }

  /** A version that may be news; an old or known one is dropped. */
  offer(row: Row): void {
    const known = this.#pending.get(row.id)?.version ?? this.#sent.get(row.id);
    if (this.#ended || (known !== undefined && row.version <= known)) return;
    this.#pending.set(row.id, row);
    void this.#deliver();
  }

  /** Ends it: with the error for the reader, if there is one. May be called twice. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pending.clear();
    const first = failure && this.#waiters.shift();
    if (first) first.reject(failure.error);
    else this.#failure = failure;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE);
    this.#onEnd();
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) return Promise.reject(failure.error);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      void this.#deliver();
    });
  }

  return(): Promise<IteratorResult<Row, undefined>> {
    this.end();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<IteratorResult<Row, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #deliver(): Promise<void> {
    if (this.#delivering || !this.#started) return;
    this.#delivering = true;
    try {
      for (let row = this.#first(); row && this.#waiters.length > 0; row = this.#first()) {
        const isShown = await this.#check(row);
        // Meanwhile a newer version may have come, or the end.
        const newest = this.#pending.get(row.id);
        if (!newest) return;
        this.#pending.delete(row.id);
        this.#sent.set(row.id, newest.version);
        if (isShown) this.#waiters.shift()?.resolve({ value: newest, done: false });
      }
    } catch (error) {
      this.end({ error });
    } finally {
      this.#delivering = false;
    }
  }

  #first(): Row | undefined {
    return this.#pending.values().next().value;
  }
}
