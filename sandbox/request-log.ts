/** One API request and its answer. */
export interface LoggedRequest {
  readonly n: number;
  readonly id: string;
  /** Real milliseconds. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly idempotencyKey: string | null;
  readonly status: number | null;
  /** The answer's text; null when none left. */
  readonly answer: string | null;
  readonly replayed: boolean;
  /** The fault that struck, by kind. */
  readonly fault: string | null;
}

const MOST_KEPT = 20_000;

/** The newest 20,000 API requests in order of arrival, and how many there were. */
export interface RequestLog {
  nextNumber(): number;
  add(entry: LoggedRequest): void;
  /** Those with a number above `after`, oldest first, at most `limit`. */
  page(after: number, limit: number): LoggedRequest[];
  total(): number;
  clear(): void;
}

export const createRequestLog = (): RequestLog => {
  let entries: LoggedRequest[] = [];
  let total = 0;
  return {
    nextNumber: () => ++total,
    add: (entry) => {
      let at = entries.length;
      while (at > 0 && (entries[at - 1]?.n ?? 0) > entry.n) at--;
      entries.splice(at, 0, entry);
      if (entries.length > MOST_KEPT * 1.1) entries = entries.slice(-MOST_KEPT);
    },
    page: (after, limit) =>
      entries
        .slice(-MOST_KEPT)
        .filter(({ n }) => n > after)
        .slice(0, limit),
    total: () => total,
    clear: () => {
      entries = [];
      total = 0;
    },
  };
};
