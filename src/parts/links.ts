import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { createMemoryPubSub } from '../outbox/memory.js';
import type { PubSub } from '../outbox/pubsub.js';
import { createRedisPubSub } from '../outbox/redis.js';
import { openRedisLink } from '../outbox/redis-link.js';
import { scopePubSub } from '../outbox/scope.js';
import type { OnStop } from './on-stop.js';

interface Needs {
  readonly config: Pick<Config, 'redisUrl'>;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** Opens pub/sub with topics of this installation alone: over Redis, or within the process without one. */
export const openPubSub = async ({ config, log, onStop }: Needs, installation: string): Promise<PubSub> => {
  const link =
    config.redisUrl === undefined
      ? createMemoryPubSub({ log })
      : await createRedisPubSub({ url: config.redisUrl, log });
  const pubsub = scopePubSub(link, installation);
  onStop(() => pubsub.close());
  return pubsub;
};

/** Opens the connection that shares rate limits; undefined without Redis. */
export const openRateLink = ({ config, log, onStop }: Needs): Redis | undefined => {
  if (config.redisUrl === undefined) return undefined;
  const link = openRedisLink(config.redisUrl, 'rate limits', log);
  onStop(async () => link.close());
  return link.client;
};
