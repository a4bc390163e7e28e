import type { PubSub, PubSubLog } from '../outbox/pubsub.js';
import { NewestVersions } from './newest-versions.js';
import { RowStream, type Versioned } from './row-stream.js';

/** Longest wait for Redis' acknowledgement: then the current state is shown, and compared again when it comes. */
const ACKNOWLEDGED_WITHIN_MS = 1_000;

interface ChannelParts<Row> {
  readonly topic: string;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  readonly log: Pick<PubSubLog, 'warn'>;
  decode(message: string): Row;
  /** The acknowledgement came after streams had begun without it: messages may have been missed. */
  onLate(): void;
  /** Nobody reads any more, or the subscription failed; called once. */
  onClosed(): void;
}

/** The streams of one topic. They share one subscription and the knowledge of the newest versions. */
export class Channel<Row extends Versioned> {
  /** Resolves when messages arrive, or when waiting longer would keep the readers from the current state. */
  readonly ready: Promise<void>;
  readonly #parts: ChannelParts<Row>;
  readonly #streams = new Set<RowStream<Row>>();
  /** The newest version that every stream was offered. */
  readonly #versions = new NewestVersions();
  #unsubscribe: (() => void) | undefined;

  constructor(parts: ChannelParts<Row>) {
    this.#parts = parts;
    this.ready = this.#subscribe();
  }

  get isEmpty(): boolean {
    return this.#streams.size === 0;
  }

  join(check: (row: Row) => Promise<boolean>): RowStream<Row> {
    const stream = new RowStream<Row>(check, () => {
      this.#streams.delete(stream);
      this.#closeIfEmpty();
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Whether the version is newer than what the streams were offered. */
  isNews(id: string, version: number): boolean {
    return version > (this.#versions.get(id) ?? 0);
  }

  /** A version that is no news, and that nobody is to be told of. */
  know(id: string, version: number): void {
    if (this.isNews(id, version)) this.#versions.set(id, version);
  }

  offer(row: Row): void {
    if (!this.isNews(row.id, row.version)) return;
    this.#versions.set(row.id, row.version);
    for (const stream of [...this.#streams]) stream.offer(row);
  }

  /** Ends all streams, with the error if there is one. */
  end(failure?: { readonly error: unknown }): void {
    for (const stream of [...this.#streams]) stream.end(failure);
  }

  #subscribe(): Promise<void> {
    const acknowledged = this.#parts.pubsub.subscribe(this.#parts.topic, (message) => this.#hear(message));
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        resolve();
      }, ACKNOWLEDGED_WITHIN_MS);
      acknowledged
        .then((unsubscribe) => {
          this.#unsubscribe = unsubscribe;
          resolve();
          if (late) this.#parts.onLate();
          this.#closeIfEmpty();
        })
        .catch((error: unknown) => {
          reject(error);
          this.end({ error });
          this.#parts.onClosed();
        })
        .finally(() => clearTimeout(timer));
    });
  }

  #hear(message: string): void {
    try {
      this.offer(this.#parts.decode(message));
    } catch (error) {
      const { log, topic } = this.#parts;
      log.warn({ err: error, topic }, 'a message could not be read; the next comparison shows the row');
    }
  }

  /** A subscription without its acknowledgement stays for the next who asks: while Redis is down they don't pile up. */
  #closeIfEmpty(): void {
    if (!this.isEmpty || !this.#unsubscribe) return;
    this.#unsubscribe();
    this.#unsubscribe = undefined;
    this.#parts.onClosed();
  }
}
