import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis } from 'ioredis';
import type { PubSub, PubSubLog } from './pubsub.js';
import { assertRedisUrl, type RedisAddress } from './redis-address.js';
import { createClusterLinks } from './redis-cluster.js';
import { within } from './redis-link.js';
import { createRedisLinks } from './redis-links.js';

const START_MS = 2_500;
const PING_MS = 1_000;
const QUIT_MS = 500;

/**
 * Pub/sub through Redis, over graphql-redis-subscriptions (one Redis subscription for each topic, whatever the number of
 * listeners); through sharded pub/sub in a cluster. Resolves also while Redis is down: then `publish` and `ping` reject,
 * `subscribe` waits, and the link is made as soon as Redis is there. Throws at once when the URL is not one of a Redis.
 *
 * A server that becomes a replica without closing its connections takes messages that nobody hears: whoever must not
 * miss the newest state compares now and then (see live/).
 */
export const createRedisPubSub = async ({ log, ...address }: RedisAddress & { log: PubSubLog }): Promise<PubSub> => {
  assertRedisUrl(address.url);
  const links = address.cluster ? createClusterLinks(address) : createRedisLinks(address);
  const topicOf = (topic: string): string => `${address.keyPrefix ?? ''}${topic}`;
  const library = new RedisPubSub({
    publisher: links.publisher as Redis, // no more of either is called than RedisLinks tells
    subscriber: links.subscriber as unknown as Redis,
    // Messages are strings already; asking for buffers saves ioredis one conversion and the library a JSON.parse.
    serializer: String,
    deserializer: String,
    messageEventName: 'messageBuffer',
    pmessageEventName: 'pmessageBuffer',
  });

  const gapListeners = new Set<() => void>();
  const stop = links.keep(log, () => {
    for (const listener of [...gapListeners]) guarded(listener, log)();
  });

  /** Those who wait for an acknowledgement: told when pub/sub is closed before it comes. */
  const waiting = new Set<(error: Error) => void>();
  let closed = false;
  await within(START_MS, links.open()).catch(() => undefined);

  return {
    publish: (topic, message) => library.publish(topicOf(topic), message),
    async subscribe(topic, listener) {
      const id = await new Promise<number>((resolve, reject) => {
        if (closed) return reject(new Error('Pub/sub is closed.'));
        waiting.add(reject);
        void library.subscribe(topicOf(topic), guarded(listener, log)).then((answer) => {
          waiting.delete(reject);
          resolve(answer);
        });
      });
      let subscribed = true;
      return () => {
        if (subscribed && !closed) library.unsubscribe(id);
        subscribed = false;
      };
    },
    onGap(listener) {
      const entry = (): void => listener();
      gapListeners.add(entry);
      return () => void gapListeners.delete(entry);
    },
    async ping() {
      await within(PING_MS, links.ping());
    },
    async close() {
      closed = true;
      stop();
      for (const reject of waiting) reject(new Error('Pub/sub is closed.'));
      waiting.clear();
      gapListeners.clear();
      // QUIT goes behind what was published; while Redis is silent it would wait for ever.
      await within(QUIT_MS, links.quit()).catch(() => undefined);
      await links.end();
    },
  };
};

const guarded =
  <Args extends unknown[]>(listener: (...args: Args) => void, log: PubSubLog) =>
  (...args: Args): void => {
    try {
      listener(...args);
    } catch (error) {
      log.error({ err: error }, 'a listener of pub/sub failed');
    }
  };
