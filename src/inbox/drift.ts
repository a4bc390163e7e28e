import type { NodeType } from '../outbox/change.js';
import type { Database } from '../storage/database.js';

/** A row of any kind that has versions. */
export interface AnyRow {
  readonly id: string;
  readonly version: number;
  readonly status: string;
}

/** One row where we differ from Stripe. */
export interface Drift {
  readonly kind: NodeType;
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
  record(kind: NodeType, row: AnyRow): void;
  /** `rehearsed`: nothing was written, so the rows are still as they were. */
  report(rehearsed: boolean): Promise<Drift[]>;
}

/** Bookkeeping, not news. */
const SILENT: ReadonlySet<string> = new Set(['version', 'revision', 'seenAt', 'updatedAt', 'id', 'createdAt']);

const STRIPE_ID: Readonly<Record<NodeType, string>> = {
  PAYMENT: 'stripePaymentIntentId',
  REFUND: 'stripeRefundId',
  RECURRING_PAYMENT: 'stripeSubscriptionId',
};

const plain = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

const changesOf = (before: object, after: object): Drift['changes'] => {
  const was = before as Record<string, unknown>;
  const entries = Object.entries(after)
    .filter(([field, value]) => !SILENT.has(field) && plain(value) !== plain(was[field]))
    .map(([field, value]) => [field, [plain(was[field]) ?? null, plain(value)]] as const);
  return Object.fromEntries(entries);
};

/** Builds the recorder; `readMany` gives rows as they are in the database, by kind. */
export const createDriftRecorder = ({
  database,
  readMany,
}: {
  database: Database;
  readMany: Readonly<Record<NodeType, (ids: readonly string[]) => Promise<readonly AnyRow[]>>>;
}): DriftRecorder => {
  const recorded = new Map<string, { kind: NodeType; row: AnyRow; stripeId: string | null; first: number }>();

  const statusBefore = async (kind: NodeType, { id }: AnyRow, version: number): Promise<string | null> => {
    const [change] = await database.query<{ status: string | null }>({
      text: `select from_status as "status" from tollgate.change where node_type = $1 and node_id = $2 and version = $3`,
      values: [kind, id, version],
    });
    return change?.status ?? null;
  };

  return {
    record(kind, row) {
      const found = (row as unknown as Record<string, unknown>)[STRIPE_ID[kind]];
      const stripeId = typeof found === 'string' ? found : null;
      const key = `${kind} ${stripeId ?? row.id}`;
      recorded.set(key, { kind, row, stripeId, first: recorded.get(key)?.first ?? row.version });
    },

    async report(rehearsed) {
      const drift: Drift[] = [];
      for (const { kind, row, stripeId, first } of recorded.values()) {
        const [now] = rehearsed ? await readMany[kind]([row.id]) : [];
        const ours = rehearsed ? (now?.status ?? null) : await statusBefore(kind, row, first);
        const changes = now ? changesOf(now, row) : ours === row.status ? {} : { status: [ours, row.status] as const };
        drift.push({ kind, id: rehearsed && !now ? null : row.id, stripeId, ours, stripes: row.status, changes });
      }
      return drift;
    },
  };
};
