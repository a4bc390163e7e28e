import type { RedisOptions } from 'ioredis';

/** Where a Sentinel listens. */
export interface SentinelAddress {
  readonly host: string;
  readonly port: number;
}

/** How to reach Redis. */
export interface RedisAddress {
  readonly url: string;
  /** Put before every channel and key. */
  readonly keyPrefix?: string | undefined;
  /** True: the URL is that of any node of a Redis Cluster. */
  readonly cluster?: boolean | undefined;
  /** Ask these for the address of the Redis that they know by the URL's host; the URL says the rest. */
  readonly sentinels?: readonly SentinelAddress[] | undefined;
  /** What the Sentinels themselves want; nothing unless told. */
  readonly sentinelPassword?: string | undefined;
}

/** @throws Error naming REDIS_URL where it is not the address of a Redis */
export const assertRedisUrl = (url: string): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isRedis = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (isRedis && parsed.hostname !== '' && /^\/?\d*$/.test(parsed.pathname)) return;
  throw new Error(
    'REDIS_URL is not the address of a Redis. Write redis://[user:password@]host[:port][/database], or rediss:// for TLS.',
  );
};

/** Who connects, over what, to which database: all but the place. */
export const credentialsOf = (url: string): RedisOptions => {
  const { protocol, username, password, pathname } = new URL(url);
  const database = Number(pathname.slice(1));
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(database > 0 && { db: database }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
};

interface RedisClass<Client> {
  new (options: RedisOptions): Client;
  new (url: string, options: RedisOptions): Client;
}

/** Makes a client of one Redis, which the Sentinels may have to name; of a cluster's node where it is one. */
export const makeClient = <Client>(
  Class: RedisClass<Client>,
  { url, sentinels, sentinelPassword }: RedisAddress,
  options: RedisOptions,
): Client => {
  if (!sentinels) return new Class(url, options);
  const credentials = credentialsOf(url);
  return new Class({
    ...options,
    ...credentials,
    sentinels: [...sentinels],
    name: new URL(url).hostname,
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(credentials.tls && { enableTLSForSentinelMode: true, sentinelTLS: credentials.tls }),
    sentinelRetryStrategy: () => null, // the connection's own retry asks them again
    // One that was set back keeps its connections open, and nobody hears what is published there.
    failoverDetector: true,
  });
};
