/** A row whose version rises with every change. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
  readonly status: string;
}

/** The fields of a row that hold times. */
type TimeField<Row> = { [Key in keyof Row]-?: Date extends Row[Key] ? Key : never }[keyof Row];

/** How one kind of row is published to every process. */
export interface Stream<Row extends Versioned = Versioned> {
  /** The kind's name in the change log, e.g. `PAYMENT`. */
  readonly nodeType: string;
  /** Every field that holds a time: the compiler asks for a new one. */
  readonly times: Readonly<Record<TimeField<Row>, true>>;
  /** Where a new version is published. */
  topics(row: Row): readonly string[];
  /** Stripe's id of what the row stands for; null while it has none. */
  stripeId(row: Row): string | null;
}

/** The message that carries a row: its JSON. */
export const encodeRow = (row: Versioned): string => JSON.stringify(row);

/** Reads a message back to the row that `encodeRow` wrote, times as dates. Throws what isn't a row. */
export const decodeRow = <Row extends Versioned>({ times }: Pick<Stream<Row>, 'times'>, message: string): Row => {
  const row: Record<string, unknown> = JSON.parse(message);
  if (typeof row['id'] !== 'string' || !Number.isInteger(row['version'])) throw new Error('The message is not a row.');
  for (const field of Object.keys(times)) {
    const time = row[field];
    if (typeof time === 'string') row[field] = new Date(time);
  }
  return row as unknown as Row;
};
