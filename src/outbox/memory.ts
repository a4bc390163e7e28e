import type { PubSub, PubSubLog } from './pubsub.js';

/** Pub/sub within this process, for runs without Redis. It loses nothing, so it never reports a gap. */
export const createMemoryPubSub = ({ log }: { log?: Pick<PubSubLog, 'error'> } = {}): PubSub => {
  const listeners = new Map<string, Set<(message: string) => void>>();
  let closed = false;
  const assertOpen = (): void => {
    if (closed) throw new Error('Pub/sub is closed.');
  };

  return {
    async publish(topic, message) {
      assertOpen();
      for (const listener of [...(listeners.get(topic) ?? [])]) {
        try {
          listener(message);
        } catch (error) {
          log?.error({ err: error, topic }, 'a listener of pub/sub failed');
        }
      }
    },
    async subscribe(topic, listener) {
      assertOpen();
      // One entry for each subscription, also where one listener subscribes twice.
      const entry = (message: string): void => listener(message);
      const entries = listeners.get(topic) ?? new Set();
      listeners.set(topic, entries.add(entry));
      return () => {
        entries.delete(entry);
        if (entries.size === 0 && listeners.get(topic) === entries) listeners.delete(topic);
      };
    },
    onGap: () => () => undefined,
    async ping() {
      assertOpen();
    },
    async close() {
      closed = true;
      listeners.clear();
    },
  };
};
