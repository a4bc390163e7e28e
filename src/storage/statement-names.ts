import { createHash } from 'node:crypto';

/** Names for statements that come without one, so that PostgreSQL parses and plans them once per connection. */
export interface StatementNames {
  /** The name for this text; undefined while it hasn't come often, as texts with values written into them never do. */
  of(text: string): string | undefined;
  /** Gives new names from now on: what was prepared no longer fits a table that was altered. */
  renew(): void;
}

/** A text that came so often will come again. */
const OFTEN = 5;
const MOST_TEXTS = 1_000;

/** Makes the names of one pool. */
export const createStatementNames = (): StatementNames => {
  const seen = new Map<string, { times: number; name?: string }>();
  let generation = 0;
  const nameFor = (text: string): string =>
    `t${createHash('sha256').update(`${generation} ${text}`).digest('hex').slice(0, 24)}`;

  return {
    of(text) {
      const known = seen.get(text);
      if (known === undefined) {
        if (seen.size >= MOST_TEXTS) seen.clear();
        seen.set(text, { times: 1 });
        return undefined;
      }
      known.times += 1;
      if (known.times > OFTEN) known.name ??= nameFor(text);
      return known.name;
    },
    renew() {
      generation += 1;
      seen.clear();
    },
  };
};
