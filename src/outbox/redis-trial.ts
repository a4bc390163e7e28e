import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { linkOptions, within } from './redis-link.js';
import { type RedisRefusal, refusalOf } from './redis-refusal.js';

const PATIENCE_MS = 3_000;
/** As the counters of rates do it. */
const COUNT = `redis.call('set', KEYS[1], 0, 'EX', 1, 'NX') redis.call('incrby', KEYS[1], 1)
  redis.call('expire', KEYS[1], 1) return redis.call('pttl', KEYS[1])`;

const nameOf = (database: string): string => `trial:tollgate:${database}:${randomUUID()}`;

/** Does what the server does with Redis, until something is refused; what is written is gone after a second. */
const useAll = async (client: Redis): Promise<RedisRefusal | undefined> => {
  const key = nameOf('key');
  const topic = nameOf('topic');
  const uses: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['PING', () => client.ping()],
    ['PUBLISH', () => client.publish(topic, '{}')],
    ['EVAL with SET, INCRBY, EXPIRE and PTTL', () => client.eval(COUNT, 1, key)],
    ['SUBSCRIBE', () => client.subscribe(topic)],
    ['UNSUBSCRIBE', () => client.unsubscribe(topic)],
  ];
  for (const [name, use] of uses) {
    const refusal = await use().then(() => undefined, refusalOf);
    if (refusal) return { ...refusal, message: `${name} was refused. ${refusal.message}` };
  }
  return undefined;
};

/** Does on a connection of its own what the server does with Redis, and says why it can't; undefined where it can. */
export const tryRedis = async (url: string): Promise<RedisRefusal | undefined> => {
  const client = new Redis(url, { ...linkOptions, retryStrategy: () => null });
  let told: unknown;
  // Why the connection ends is an event; the call says only that it did.
  client.on('error', (error) => {
    told ??= error;
  });
  try {
    const refusal = await within(
      PATIENCE_MS,
      client.connect().then(() => useAll(client)),
    );
    return refusal ?? (told === undefined ? undefined : refusalOf(told));
  } catch (error) {
    return refusalOf(told ?? error);
  } finally {
    client.disconnect();
  }
};
