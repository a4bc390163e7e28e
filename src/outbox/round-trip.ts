import { randomUUID } from 'node:crypto';
import type { PubSub } from './pubsub.js';

const PATIENCE_MS = 2_000;

/** Sends a message to a topic of its own and waits until it comes back; milliseconds. Rejects after two seconds. */
export const measureRoundTrip = async (pubsub: Pick<PubSub, 'publish' | 'subscribe'>): Promise<number> => {
  const topic = `tollgate:round-trip:${randomUUID()}`;
  const sentAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no message came back within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  const back = new Promise<void>((resolve, reject) => {
    pubsub
      .subscribe(topic, () => resolve())
      .then((end) => {
        unsubscribe = end;
        return pubsub.publish(topic, '{}');
      })
      .catch(reject);
  });
  try {
    await Promise.race([back, late]);
    return performance.now() - sentAt;
  } finally {
    clearTimeout(timer);
    unsubscribe?.();
  }
};
