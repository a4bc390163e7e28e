import type { Statement } from '../storage/database.js';

/** One version of a row, for its timeline and for the outbox. */
export interface ChangeEntry {
  /** The kind of row: its stream's name. */
  readonly nodeType: string;
  readonly nodeId: string;
  readonly version: number;
  readonly fromStatus: string | null;
  readonly toStatus: string;
  /** `account:<id>`, `stripe`, `operator` or `job`. */
  readonly actor: string;
  readonly eventId?: string | undefined;
  /** The flow that ran for it, to its end. */
  readonly flow?: string | undefined;
  readonly note?: string | undefined;
}

/** Writes the entry; a version is written once (unique), so a second writer fails instead of doubling it. */
export const writeChange = (entry: ChangeEntry): Statement => ({
  name: 'change_write',
  text: `insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, flow, flow_outcome, note)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
  values: [
    entry.nodeType,
    entry.nodeId,
    entry.version,
    entry.fromStatus,
    entry.toStatus,
    entry.actor,
    entry.eventId ?? null,
    entry.flow ?? null,
    entry.flow === undefined ? null : 'done',
    entry.note ?? null,
  ],
});
