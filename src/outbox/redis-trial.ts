import { randomUUID } from 'node:crypto';
import { type Cluster, Redis } from 'ioredis';
import { makeClient, type RedisAddress } from './redis-address.js';
import { openCluster } from './redis-cluster.js';
import { linkOptions, within } from './redis-link.js';
import { type RedisRefusal, refusalOf } from './redis-refusal.js';

const PATIENCE_MS = 3_000;
/** As the counters of rates do it. */
const COUNT = `redis.call('set', KEYS[1], 0, 'EX', 1, 'NX') redis.call('incrby', KEYS[1], 1)
  redis.call('expire', KEYS[1], 1) return redis.call('pttl', KEYS[1])`;

const nameOf = ({ keyPrefix = '' }: RedisAddress, sort: string): string =>
  `${keyPrefix}trial:tollgate:${sort}:${randomUUID()}`;

/** What is done, by its name, in this order. */
type Uses = readonly (readonly [string, () => Promise<unknown>])[];

const usesOf = (client: Redis, address: RedisAddress): Uses => {
  const [key, topic] = [nameOf(address, 'key'), nameOf(address, 'topic')];
  return [
    ['PING', () => client.ping()],
    ['PUBLISH', () => client.publish(topic, '{}')],
    ['EVAL with SET, INCRBY, EXPIRE and PTTL', () => client.eval(COUNT, 1, key)],
    ['SUBSCRIBE', () => client.subscribe(topic)],
    ['UNSUBSCRIBE', () => client.unsubscribe(topic)],
    [
      'INFO',
      async () => {
        if ((await client.info('cluster')).includes('cluster_enabled:1')) throw new Error('MOVED: keys are elsewhere');
      },
    ],
  ];
};

const clusterUsesOf = (cluster: Cluster, address: RedisAddress): Uses => {
  const [key, topic] = [nameOf(address, 'key'), nameOf(address, 'topic')];
  return [
    ['PING', () => Promise.all(cluster.nodes('master').map((node) => node.ping()))],
    ['SPUBLISH', () => cluster.spublish(topic, '{}')],
    ['EVAL with SET, INCRBY, EXPIRE and PTTL', () => cluster.eval(COUNT, 1, key)],
    ['SSUBSCRIBE', () => cluster.ssubscribe(topic)],
    ['SUNSUBSCRIBE', () => cluster.sunsubscribe(topic)],
  ];
};

/** Does them until one is refused; what is written is gone after a second. */
const useAll = async (uses: Uses): Promise<RedisRefusal | undefined> => {
  for (const [name, use] of uses) {
    const refusal = await use().then(() => undefined, refusalOf);
    if (refusal) return { ...refusal, message: `${name} was refused. ${refusal.message}` };
  }
  return undefined;
};

interface Trial {
  readonly client: Redis | Cluster;
  readonly uses: Uses;
}

const openTrial = (address: RedisAddress): Trial => {
  if (address.cluster) {
    const client = openCluster(address, { clusterRetryStrategy: () => null, shardedSubscribers: true });
    return { client, uses: clusterUsesOf(client, address) };
  }
  const client = makeClient(Redis, address, { ...linkOptions, retryStrategy: () => null });
  return { client, uses: usesOf(client, address) };
};

/** Does on a connection of its own what the server does with Redis, and says why it can't; undefined where it can. */
export const tryRedis = async (address: RedisAddress): Promise<RedisRefusal | undefined> => {
  const { client, uses } = openTrial(address);
  let told: unknown;
  // Why the connection ends is an event; the call says only that it did.
  client.on('error', (error) => {
    told ??= error;
  });
  try {
    const refusal = await within(
      PATIENCE_MS,
      client.connect().then(() => useAll(uses)),
    );
    return refusal ?? (told === undefined ? undefined : refusalOf(told));
  } catch (error) {
    return refusalOf(told ?? error);
  } finally {
    client.disconnect();
  }
};
