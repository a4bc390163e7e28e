/**
 * Tells every process of what was committed. Delivery is at most once: after a gap, and every few seconds, whoever
 * listens reads again (see live/).
 */
export interface PubSub {
  /**
   * Hands the message to all listeners of the topic in every process; rejects, within two seconds, when that can't be
   * known. A message published twice arrives twice.
   */
  publish(topic: string, message: string): Promise<void>;
  /**
   * Resolves once messages of the topic will arrive (acknowledged), so it waits while the link is down; rejects only
   * when closed. The answer unsubscribes and may be called twice. A listener that throws harms no other.
   */
  subscribe(topic: string, listener: (message: string) => void): Promise<() => void>;
  /**
   * Calls back each time messages may have been lost and all topics are acknowledged again; the answer stops that.
   * Also after the first connection when the link was down at the start.
   */
  onGap(listener: () => void): () => void;
  /** Resolves when the link answers, rejects when it doesn't within a second. */
  ping(): Promise<void>;
  /** Takes a second at most, also while the link is down. Messages published before it are still sent. */
  close(): Promise<void>;
}

/** What pub/sub writes to the log; pino's logger fits. */
export interface PubSubLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
