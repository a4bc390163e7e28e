import pg from 'pg';
import { Together } from './together.js';

/** A class of connections for a pool. */
export type LentClient = typeof pg.Client;

type Callback = (error: Error | undefined, result?: pg.QueryResult) => void;

/** Begins or ends a transaction: it may not share one with the settings. */
const CONTROL = /^\s*(begin|start|commit|end|rollback|abort)\b/i;
/** A subscription would stay on a connection that others are lent: whoever listens has to look for itself. */
const LISTENING = /^\s*(un)?listen\b/i;
const NOTHING: pg.QueryResult = { command: 'LISTEN', rowCount: 0, oid: 0, fields: [], rows: [] };

/** Only the simple protocol takes several at once. */
const hasSeveral = ({ text, values }: pg.QueryConfig): boolean => values === undefined && /;\s*\S/.test(text);
const withoutFirst = (results: unknown): pg.QueryResult => (results as pg.QueryResult[]).slice(1) as never; // as pg gives several

const isSubmittable = (config: unknown): boolean =>
  typeof config === 'object' && config !== null && 'submit' in config && typeof config.submit === 'function';

/**
 * Connections to a pooler that lends one of the database's for each transaction. A statement outside of a transaction travels
 * with `settings` as one, which PostgreSQL ends at their Sync, so that nothing stays set on what others are lent; nothing
 * is prepared by name. In a transaction whoever began it sets what it needs. LISTEN and UNLISTEN are answered and not sent.
 *
 * Source: PostgreSQL docs, "Message Flow", Pipelining: what stands between two Syncs is one implicit transaction.
 */
export const lentClient = (settings: pg.QueryConfig): LentClient =>
  class extends pg.Client {
    override query(...args: unknown[]): never {
      // pg declares nine forms of it; the answer is that of whichever was called
      return this.#ask(...args) as never;
    }

    #ask(...args: unknown[]): unknown {
      const send: (...sent: unknown[]) => unknown = super.query;
      const [first, second] = args;
      if (isSubmittable(first)) return send.apply(this, args);
      const config: pg.QueryConfig = typeof first === 'string' ? { text: first } : { ...(first as pg.QueryConfig) };
      if (Array.isArray(second)) config.values = second;
      delete config.name;
      const last = args.at(-1);
      const callback = typeof last === 'function' ? (last as Callback) : undefined;
      const status = this.getTransactionStatus();
      if (LISTENING.test(config.text)) return settled(Promise.resolve(NOTHING), callback);
      if (CONTROL.test(config.text) || (status !== null && status !== 'I'))
        return send.apply(this, callback ? [config, callback] : [config]);
      if (hasSeveral(config))
        return settled(
          (send.call(this, `${settings.text};\n${config.text}`) as Promise<unknown>).then(withoutFirst),
          callback,
        );
      const together = new Together(() => undefined);
      together.add({ ...settings, queryMode: 'extended' } as pg.QueryConfig).catch(() => undefined);
      const result = together.add({ types: pg.types, ...config, queryMode: 'extended' } as pg.QueryConfig);
      send.call(this, together);
      return settled(result, callback);
    }
  };

const settled = (
  result: Promise<pg.QueryResult>,
  callback: Callback | undefined,
): Promise<pg.QueryResult> | undefined => {
  if (!callback) return result;
  result.then(
    (answer) => callback(undefined, answer),
    (error: Error) => callback(error),
  );
  return undefined;
};
