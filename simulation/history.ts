/** What happened in one run, line by line, for a person to read when it failed. */
export interface History {
  note(words: string): void;
  lines(): readonly string[];
  /** How often a kind of thing happened. */
  count(kind: string): void;
  counts(): ReadonlyMap<string, number>;
}

/** An empty history; times are milliseconds since now. */
export const createHistory = (): History => {
  const startedAt = performance.now();
  const lines: string[] = [];
  const counts = new Map<string, number>();
  return {
    note: (words) => lines.push(`${String(Math.round(performance.now() - startedAt)).padStart(6)} ms  ${words}`),
    lines: () => lines,
    count: (kind) => counts.set(kind, (counts.get(kind) ?? 0) + 1),
    counts: () => counts,
  };
};
