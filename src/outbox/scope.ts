import type { PubSub } from './pubsub.js';

/** The same pub/sub with topics of its own: several installations may share one Redis and never hear each other. */
export const scopePubSub = (pubsub: PubSub, scope: string): PubSub => ({
  ...pubsub,
  publish: (topic, message) => pubsub.publish(`${scope}:${topic}`, message),
  subscribe: (topic, listener) => pubsub.subscribe(`${scope}:${topic}`, listener),
});
