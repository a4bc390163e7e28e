import { Redis } from 'ioredis';

/** Topics per SUBSCRIBE after a reconnect. */
const BATCH = 1_000;

interface Wanted {
  state: 'asked' | 'acknowledged' | 'refused';
  /** Tells the one who subscribed; called at the first acknowledgement alone. */
  tell: (() => void) | undefined;
}

/**
 * The connection that graphql-redis-subscriptions listens on. It keeps what is wanted and asks for it again after every
 * reconnect, until Redis acknowledges: the library hears of success alone, because a SUBSCRIBE that fails is an
 * unhandled rejection in it, and ioredis' own resending miscounts the acknowledgements of a batch that was cut.
 */
export class RedisSubscriber extends Redis {
  readonly #wanted = new Map<string, Wanted>();

  /** What the library calls: one topic and a callback. The callback is called once, after the acknowledgement. */
  override subscribe(...args: unknown[]): Promise<unknown> {
    const [topic, callback] = args;
    if (typeof topic !== 'string' || typeof callback !== 'function') throw new TypeError('One topic and a callback.');
    const wanted: Wanted = { state: 'asked', tell: () => callback(null, 1) };
    this.#wanted.set(topic, wanted);
    return this.#request([[topic, wanted]]);
  }

  /** While the link is down there is nothing to send: after a reconnect only what is wanted is asked for. */
  override unsubscribe(...args: unknown[]): Promise<unknown> {
    const [topic] = args;
    if (typeof topic !== 'string') throw new TypeError('One topic.');
    this.#wanted.delete(topic);
    return super.unsubscribe(topic).catch(() => undefined);
  }

  /** The library calls it beside every `unsubscribe`; there are no patterns here. */
  override punsubscribe(): Promise<unknown> {
    return Promise.resolve();
  }

  /** After a reconnect: asks for every topic again. True once all are acknowledged, false when some are not. */
  async renew(): Promise<boolean> {
    const all = [...this.#wanted];
    const batches = [];
    for (let at = 0; at < all.length; at += BATCH) batches.push(this.#request(all.slice(at, at + BATCH)));
    return (await Promise.all(batches)).every(Boolean);
  }

  /**
   * Asks again, one by one, for topics that were refused (an access list, say), and for none that is being asked for.
   * True when one was acknowledged now.
   */
  async retry(): Promise<boolean> {
    const refused = [...this.#wanted].filter(([, wanted]) => wanted.state === 'refused');
    return (await Promise.all(refused.map((entry) => this.#request([entry])))).some(Boolean);
  }

  async #request(entries: readonly (readonly [string, Wanted])[]): Promise<boolean> {
    for (const [, wanted] of entries) wanted.state = 'asked';
    try {
      await super.subscribe(...entries.map(([topic]) => topic));
    } catch {
      for (const [, wanted] of entries) wanted.state = 'refused';
      return false; // The link is down or Redis refused: `renew` and `retry` ask again.
    }
    for (const [, wanted] of entries) {
      wanted.state = 'acknowledged';
      wanted.tell?.();
      wanted.tell = undefined;
    }
    return true;
  }
}
