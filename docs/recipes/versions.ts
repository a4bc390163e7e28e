interface Row {
  readonly id: string;
  readonly version: number;
}

/** Every row in an answer that was asked for with its id and its version, however deep. */
function* rowsOf(data: unknown): Generator<Row> {
  if (typeof data !== 'object' || data === null) return;
  if ('id' in data && 'version' in data && typeof data.id === 'string' && typeof data.version === 'number')
    yield { id: data.id, version: data.version };
  for (const value of Object.values(data)) yield* rowsOf(value);
}

/**
 * Knows the newest version of each row that the page was given. Answers overtake each other: one that the server read before a change
 * may arrive after a stream has told of it, and must not reach a cache, which keeps what came last. Ids are unique across Tollgate's
 * types. A mutation should ask for ids alone: the stream tells the row.
 */
export const createVersions = () => {
  const newest = new Map<string, number>();
  let told = 0;
  const compare = (data: unknown): 'older' | 'same' | 'newer' => {
    const rows = [...rowsOf(data)].map((row) => ({ ...row, known: newest.get(row.id) ?? -1 }));
    if (rows.some(({ version, known }) => version < known)) return 'older';
    for (const { id, version } of rows) newest.set(id, version);
    return rows.some(({ version, known }) => version > known) ? 'newer' : 'same';
  };
  return {
    /** Take this before a query is sent. */
    mark: (): number => told,
    /** Whether a query's answer may be shown. If not, ask again: it holds an older row, or may lack one that a stream told meanwhile. */
    takesAnswer: (data: unknown, mark: number): boolean => !data || (told === mark && compare(data) !== 'older'),
    /** Whether a stream's message may be shown. If not, drop it. */
    takesMessage(data: unknown): boolean {
      const found = compare(data);
      if (found === 'newer') told += 1;
      return found !== 'older';
    },
  };
};
