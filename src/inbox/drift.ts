import type { Outbox } from '../outbox/outbox.js';
import type { Stream, Versioned } from '../outbox/stream.js';
import type { Database } from '../storage/database.js';

/** One row where we differ from Stripe. */
export interface Drift {
  readonly kind: string;
  /** Null for a row that isn't there yet. */
  readonly id: string | null;
  readonly stripeId: string | null;
  /** Our status before; null for a row that isn't there yet. */
  readonly ours: string | null;
  /** The status that Stripe's state means in our words. */
  readonly stripes: string;
  /** Each field that changes: from, to. */
  readonly changes: Readonly<Record<string, readonly [unknown, unknown]>>;
}

/** Collects rows as they change, and tells what they were before. */
export interface DriftRecorder {
  /** Must be called for each changed row, in its new version. */
  record(stream: Stream, row: Versioned): void;
  /** `rehearsed`: nothing was written, so the rows are still as they were. */
  report(rehearsed: boolean): Promise<Drift[]>;
}

/** Bookkeeping, not news. */
const SILENT: ReadonlySet<string> = new Set(['version', 'revision', 'seenAt', 'updatedAt', 'id', 'createdAt']);

const plain = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

const changesOf = (before: object, after: object): Drift['changes'] => {
  const was = before as Record<string, unknown>;
  const entries = Object.entries(after)
    .filter(([field, value]) => !SILENT.has(field) && plain(value) !== plain(was[field]))
    .map(([field, value]) => [field, [plain(was[field]) ?? null, plain(value)]] as const);
  return Object.fromEntries(entries);
};

/** Builds the recorder; `kinds` gives how rows are read as they are in the database. */
export const createDriftRecorder = ({
  database,
  kinds,
}: {
  database: Database;
  kinds: () => Outbox['kinds'];
}): DriftRecorder => {
  const recorded = new Map<string, { kind: string; row: Versioned; stripeId: string | null; first: number }>();

  const statusBefore = async (kind: string, { id }: Versioned, version: number): Promise<string | null> => {
    const [change] = await database.query<{ status: string | null }>({
      text: `select from_status as "status" from tollgate.change where node_type = $1 and node_id = $2 and version = $3`,
      values: [kind, id, version],
    });
    return change?.status ?? null;
  };

  return {
    record(stream, row) {
      const kind = stream.nodeType;
      const stripeId = stream.stripeId(row);
      const key = `${kind} ${stripeId ?? row.id}`;
      recorded.set(key, { kind, row, stripeId, first: recorded.get(key)?.first ?? row.version });
    },

    async report(rehearsed) {
      const drift: Drift[] = [];
      for (const { kind, row, stripeId, first } of recorded.values()) {
        const [now] = rehearsed ? ((await kinds().get(kind)?.readMany([row.id])) ?? []) : [];
        const ours = rehearsed ? (now?.status ?? null) : await statusBefore(kind, row, first);
        const changes = now ? changesOf(now, row) : ours === row.status ? {} : { status: [ours, row.status] as const };
        drift.push({ kind, id: rehearsed && !now ? null : row.id, stripeId, ours, stripes: row.status, changes });
      }
      return drift;
    },
  };
};
