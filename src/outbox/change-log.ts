import type { Statement } from '../storage/database.js';

/** `done`: it ran to its end. `owed`: it runs later. `skipped`: an operator said that it never will. */
export type FlowOutcome = 'done' | 'owed' | 'skipped';

/** What a timeline entry records besides the row itself. */
export interface VersionEntry {
  readonly fromStatus: string | null;
  /** `account:<id>`, `stripe`, `operator` or `job`. */
  readonly actor: string;
  readonly eventId?: string | undefined;
  /** The flow that ran for it, to its end, unless `flowOutcome` says otherwise. */
  readonly flow?: string | undefined;
  readonly flowOutcome?: FlowOutcome | undefined;
  readonly note?: string | undefined;
}

/** One version of a row, for its timeline and for the outbox. */
export interface ChangeEntry extends VersionEntry {
  /** The kind of row: its stream's name. */
  readonly nodeType: string;
  readonly nodeId: string;
  readonly version: number;
  readonly toStatus: string;
}

/** What several had to say of one version. */
export const joinNotes = (...notes: (string | undefined)[]): string | undefined =>
  notes.filter((note) => note !== undefined).join('; ') || undefined;

/** `published_at` is what the release before has in place of the outbox; this one tells by the outbox alone. */
const INSERT = `insert into tollgate.change (node_type, node_id, version, to_status,
      from_status, actor, event_id, flow, flow_outcome, note, published_at)`;

const valuesOf = ({ fromStatus, actor, eventId, flow, flowOutcome = 'done', note }: VersionEntry): unknown[] => [
  fromStatus,
  actor,
  eventId ?? null,
  flow ?? null,
  flow === undefined ? null : flowOutcome,
  note ?? null,
];

/** Writes the entry; a version is written once (unique), so a second writer fails instead of doubling it. */
export const writeChange = (entry: ChangeEntry): Statement => ({
  name: 'change_write',
  text: `${INSERT} values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())`,
  values: [entry.nodeType, entry.nodeId, entry.version, entry.toStatus, ...valuesOf(entry)],
});

/** The same as a part of the statement that writes the version. */
export interface ChangePart {
  readonly text: string;
  /** The parameters that it adds. */
  readonly values: readonly unknown[];
}

/** Writes the entry of the new rows that the query names `rows`; its parameters follow the first `after`. */
export const changeOf = (nodeType: string, rows: string, entry: VersionEntry, after: number): ChangePart => {
  const values = valuesOf(entry);
  const parameters = values.map((_, index) => `$${after + 1 + index}`).join(', ');
  return {
    text: `${INSERT} select '${nodeType}', ${rows}.id, ${rows}.version, ${rows}.status, ${parameters}, now() from ${rows}`,
    values,
  };
};
