import type { PubSubLog } from '../../src/outbox/pubsub.js';

/** Keeps what is logged, for assertions. */
export const createLog = (): PubSubLog & { readonly lines: string[] } => {
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => void lines.push(message);
  return { lines, info: write, warn: write, error: write };
};
