import { RedisPubSub } from 'graphql-redis-subscriptions';
import { Redis } from 'ioredis';
import type { PubSub, PubSubLog } from './pubsub.js';
import { keepLink, linkOptions, within } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';

const START_MS = 2_500;
const PUBLISH_MS = 1_500;
const PING_MS = 1_000;
const QUIT_MS = 500;

/**
 * Pub/sub through Redis, over graphql-redis-subscriptions (one Redis subscription for each topic, whatever the number of
 * listeners). Resolves also while Redis is down: then `publish` and `ping` reject, `subscribe` waits, and the link is
 * made as soon as Redis is there. Throws at once when the URL is not one of a Redis.
 *
 * A server that becomes a replica without closing its connections takes messages that nobody hears: whoever must not
 * miss the newest state compares now and then (see live/).
 */
export const createRedisPubSub = async ({ url, log }: { url: string; log: PubSubLog }): Promise<PubSub> => {
  assertRedisUrl(url);
  const publisher = new Redis(url, { ...linkOptions, commandTimeout: PUBLISH_MS });
  const subscriber = new RedisSubscriber(url, linkOptions);
  const library = new RedisPubSub({
    publisher,
    subscriber,
    // Messages are strings already; asking for buffers saves ioredis one conversion and the library a JSON.parse.
    serializer: String,
    deserializer: String,
    messageEventName: 'messageBuffer',
    pmessageEventName: 'pmessageBuffer',
  });

  const gapListeners = new Set<() => void>();
  const tellGap = (): void => {
    for (const listener of [...gapListeners]) guarded(listener, log)();
  };
  const stops = [
    keepLink(publisher, 'publisher', log, () => undefined),
    keepLink(subscriber, 'subscriber', log, () => void subscriber.retry().then((some) => some && tellGap())),
  ];
  subscriber.on('ready', () => void subscriber.renew().then((all) => all && tellGap()));

  /** Those who wait for an acknowledgement: told when pub/sub is closed before it comes. */
  const waiting = new Set<(error: Error) => void>();
  let closed = false;
  await within(START_MS, Promise.allSettled([publisher.connect(), subscriber.connect()])).catch(() => undefined);

  return {
    publish: (topic, message) => library.publish(topic, message),
    async subscribe(topic, listener) {
      const id = await new Promise<number>((resolve, reject) => {
        if (closed) return reject(new Error('Pub/sub is closed.'));
        waiting.add(reject);
        void library.subscribe(topic, guarded(listener, log)).then((answer) => {
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
      await within(PING_MS, Promise.all([publisher.ping(), subscriber.ping()]));
    },
    async close() {
      closed = true;
      for (const stop of stops) stop();
      for (const reject of waiting) reject(new Error('Pub/sub is closed.'));
      waiting.clear();
      gapListeners.clear();
      // QUIT goes behind what was published; while Redis is silent it would wait for ever.
      await within(QUIT_MS, Promise.allSettled([publisher.quit(), subscriber.quit()])).catch(() => undefined);
      await Promise.all([end(publisher), end(subscriber)]);
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

/** Closes for good and waits until the socket is gone; ioredis says so only where there was one. */
const end = async (client: Redis): Promise<void> => {
  const hasSocket = client.status === 'ready' || client.status === 'connect';
  const ended = hasSocket ? new Promise<void>((resolve) => client.once('end', resolve)) : undefined;
  client.disconnect();
  if (ended) await within(QUIT_MS, ended).catch(() => undefined);
};

const assertRedisUrl = (url: string): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isRedis = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (isRedis && parsed.hostname !== '' && /^\/?\d*$/.test(parsed.pathname)) return;
  throw new Error(
    'REDIS_URL is not the address of a Redis. Write redis://[user:password@]host[:port][/database], or rediss:// for TLS.',
  );
};
