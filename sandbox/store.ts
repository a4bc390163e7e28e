import type { Kind, StripeObject } from './kind.js';

interface Entry {
  readonly seq: number;
  value: StripeObject;
  indexed: Map<string, string>;
}
interface Table {
  readonly byId: Map<string, Entry>;
  readonly ordered: Entry[];
  readonly indexes: Map<string, Map<string, Entry[]>>;
}

/** One change of one row, as it is journalled; `value` null is a deletion. */
export interface Change {
  readonly partition: string;
  readonly table: string;
  readonly seq: number;
  readonly id: string;
  readonly value: StripeObject | null;
}

export interface Cursor {
  /** Only rows whose indexed field has this value. */
  readonly index?: { readonly field: string; readonly value: string };
  /** Start beside this row, itself excluded. */
  readonly from?: string;
  readonly direction: 'older' | 'newer';
}

/** Rows by partition (account and mode), table and id, in order of creation, with indexes. Every call is synchronous. */
export interface Store {
  get<T extends StripeObject>(partition: string, kind: Kind<T>, id: string): T | undefined;
  /** Inserts or replaces; a row that was changed in place must be put again. Repeating it changes nothing. */
  put<T extends StripeObject>(partition: string, kind: Kind<T>, value: T): void;
  delete<T extends StripeObject>(partition: string, kind: Kind<T>, id: string): void;
  walk<T extends StripeObject>(partition: string, kind: Kind<T>, cursor: Cursor): Iterable<T>;
  partitions(): string[];
  clear(): void;
  /** Everything there is, for a snapshot. */
  dump(): Iterable<Change>;
  load(change: Change): void;
}

/** First position whose seq is greater than or equal to `seq`. */
const position = (entries: readonly Entry[], seq: number): number => {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
};

const insert = (entries: Entry[], entry: Entry): void => {
  const last = entries.at(-1);
  if (!last || last.seq < entry.seq) entries.push(entry);
  else entries.splice(position(entries, entry.seq), 0, entry);
};

const remove = (entries: Entry[], entry: Entry): void => {
  const at = position(entries, entry.seq);
  if (entries[at] === entry) entries.splice(at, 1);
};

const indexedText = (value: StripeObject, field: string): string | undefined => {
  let content: unknown = value;
  for (const name of field.split('.'))
    content = typeof content === 'object' && content !== null ? Reflect.get(content, name) : undefined;
  return typeof content === 'string' ? content : undefined;
};

const reindex = (into: Table, entry: Entry, value: StripeObject | null): void => {
  for (const [field, lists] of into.indexes) {
    const before = entry.indexed.get(field);
    const after = value ? indexedText(value, field) : undefined;
    if (before === after) continue;
    if (before !== undefined) {
      const list = lists.get(before);
      if (list) remove(list, entry);
      if (list?.length === 0) lists.delete(before);
      entry.indexed.delete(field);
    }
    if (after !== undefined) {
      const list = lists.get(after);
      if (list) insert(list, entry);
      else lists.set(after, [entry]);
      entry.indexed.set(field, after);
    }
  }
};

/** An empty store; `kinds` tells which fields are indexed, `onChange` hears every change. */
export const createStore = (
  kinds: ReadonlyMap<string, Kind<StripeObject>>,
  onChange: (change: Change) => void,
): Store => {
  const tables = new Map<string, Map<string, Table>>();
  let lastSeq = 0;

  const table = (partition: string, name: string): Table => {
    let partitioned = tables.get(partition);
    if (!partitioned) {
      partitioned = new Map();
      tables.set(partition, partitioned);
    }
    let found = partitioned.get(name);
    if (!found) {
      const fields = kinds.get(name)?.indexes ?? [];
      found = { byId: new Map(), ordered: [], indexes: new Map(fields.map((field) => [field, new Map()])) };
      partitioned.set(name, found);
    }
    return found;
  };

  const write = (partition: string, name: string, id: string, value: StripeObject | null, seq?: number): number => {
    const into = table(partition, name);
    let entry = into.byId.get(id);
    if (value === null) {
      if (!entry) return 0;
      into.byId.delete(id);
      remove(into.ordered, entry);
      reindex(into, entry, null);
      return entry.seq;
    }
    if (!entry) {
      entry = { seq: seq ?? ++lastSeq, value, indexed: new Map() };
      lastSeq = Math.max(lastSeq, entry.seq);
      into.byId.set(id, entry);
      insert(into.ordered, entry);
    }
    entry.value = value;
    reindex(into, entry, value);
    return entry.seq;
  };

  return {
    // The kind names the table that only rows of its type are put into.
    get: <T extends StripeObject>(partition: string, kind: Kind<T>, id: string) =>
      tables.get(partition)?.get(kind.table)?.byId.get(id)?.value as T | undefined,
    put: (partition, kind, value) => {
      const seq = write(partition, kind.table, value.id, value);
      onChange({ partition, table: kind.table, seq, id: value.id, value });
    },
    delete: (partition, kind, id) => {
      const seq = write(partition, kind.table, id, null);
      onChange({ partition, table: kind.table, seq, id, value: null });
    },
    *walk<T extends StripeObject>(partition: string, kind: Kind<T>, { index, from, direction }: Cursor) {
      const source = tables.get(partition)?.get(kind.table);
      if (!source) return;
      const entries = index ? (source.indexes.get(index.field)?.get(index.value) ?? []) : source.ordered;
      const start = from === undefined ? undefined : source.byId.get(from);
      const step = direction === 'older' ? -1 : 1;
      let at: number;
      if (!start) at = direction === 'older' ? entries.length - 1 : 0;
      else if (direction === 'older') at = position(entries, start.seq) - 1;
      else at = position(entries, start.seq + 1);
      for (; at >= 0 && at < entries.length; at += step) {
        const entry = entries[at];
        if (entry) yield entry.value as T;
      }
    },
    partitions: () => [...tables.keys()],
    clear: () => tables.clear(),
    *dump() {
      for (const [partition, partitioned] of tables)
        for (const [name, { ordered }] of partitioned)
          for (const { seq, value } of ordered) yield { partition, table: name, seq, id: value.id, value };
    },
    load: ({ partition, table: name, seq, id, value }) => {
      write(partition, name, id, value, seq);
    },
  };
};
