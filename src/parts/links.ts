import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { createMemoryPubSub } from '../outbox/memory.js';
import type { PubSub } from '../outbox/pubsub.js';
import { createRedisPubSub } from '../outbox/redis.js';
import { openClusterLink } from '../outbox/redis-cluster.js';
import { openRedisLink } from '../outbox/redis-links.js';
import { scopePubSub } from '../outbox/scope.js';
import type { OnStop } from './on-stop.js';

interface Needs {
  readonly config: Pick<Config, 'redis'>;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** Opens pub/sub with topics of this installation alone: over Redis, or within the process without one. */
export const openPubSub = async ({ config, log, onStop }: Needs, installation: string): Promise<PubSub> => {
  const link =
    config.redis === undefined ? createMemoryPubSub({ log }) : await createRedisPubSub({ ...config.redis, log });
  const pubsub = scopePubSub(link, installation);
  onStop(() => pubsub.close());
  return pubsub;
};

/** Opens the connection that shares rate limits; undefined without Redis. */
export const openRateLink = ({ config, log, onStop }: Needs): Redis | Cluster | undefined => {
  if (config.redis === undefined) return undefined;
  const open = config.redis.cluster ? openClusterLink : openRedisLink;
  const link = open(config.redis, 'rate limits', log);
  onStop(async () => link.close());
  return link.client;
};
