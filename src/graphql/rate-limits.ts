import type { Cluster, Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../core/errors.js';
import type { Limits } from './limits.js';

/** Too many operations in the window; the message and `retryAfterSeconds` say when to come back. */
export class RateLimitedError extends DomainError {
  readonly code = 'RATE_LIMITED';
  override readonly extensions: Readonly<Record<string, number>>;
  constructor(readonly retryAfterSeconds: number) {
    super(`Too many requests. Try again in ${retryAfterSeconds} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}.`);
    this.extensions = { retryAfterSeconds };
  }
}

/** Counts operations. */
export interface RateLimits {
  /** Counts one operation of the account (null: none) from the address; throws RATE_LIMITED when either had enough. */
  admit(accountId: string | null, address: string): Promise<void>;
}

/** Where processes of one installation count together. */
export interface SharedCounters {
  readonly redis: Redis | Cluster;
  /** Stands before every key; nothing unless told. */
  readonly keyPrefix?: string | undefined;
  /** Keeps the counts apart from those of other installations on the same Redis. */
  readonly installation: string;
}

type RateSettings = Pick<Limits, 'operationsPerAccount' | 'operationsPerAddress' | 'windowSeconds'>;

/** If Redis takes longer, the process counts on its own for now. */
const REDIS_MS = 250;

/**
 * Makes the counters: shared over Redis where a client is handed in, otherwise of this process. While Redis is down or
 * slow each process counts by itself, so nobody is refused because of it.
 */
export const createRateLimits = (
  { operationsPerAccount, operationsPerAddress, windowSeconds }: RateSettings,
  shared?: SharedCounters,
): RateLimits => {
  const perAccount = createCounter({ kind: 'account', points: operationsPerAccount, windowSeconds }, shared);
  const perAddress = createCounter({ kind: 'address', points: operationsPerAddress, windowSeconds }, shared);
  return {
    admit: async (accountId, address) => {
      const counted = perAddress?.(addressKey(address));
      if (accountId !== null) await perAccount?.(accountId);
      await counted;
    },
  };
};

type Counter = (key: string) => Promise<void>;

const createCounter = (
  { kind, points, windowSeconds }: { kind: string; points: number; windowSeconds: number },
  together: SharedCounters | undefined,
): Counter | undefined => {
  if (points === 0) return undefined;
  const here = new RateLimiterMemory({ points, duration: windowSeconds });
  if (!together) return (key) => consume(here, key);
  const shared = new RateLimiterRedis({
    points,
    duration: windowSeconds,
    keyPrefix: `${together.keyPrefix ?? ''}${together.installation}:tollgate:rate:${kind}`,
    storeClient: together.redis,
    insuranceLimiter: here,
    rejectIfRedisNotReady: true,
    // Who had enough is refused without asking Redis again.
    inMemoryBlockOnConsumed: points + 1,
    inMemoryBlockDuration: 1,
  });
  return (key) => withinTime(consume(shared, key), () => consume(here, key));
};

const consume = async (limiter: RateLimiterAbstract, key: string): Promise<void> => {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (refused instanceof RateLimiterRes)
      throw new RateLimitedError(Math.max(1, Math.ceil(refused.msBeforeNext / 1_000)));
    throw refused;
  }
};

const withinTime = async (first: Promise<void>, otherwise: () => Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, REDIS_MS, 'late');
  });
  try {
    if ((await Promise.race([first, late])) === 'late') {
      first.catch(() => undefined); // answered too late to matter
      await otherwise();
    }
  } finally {
    clearTimeout(timer);
  }
};

/** A client with IPv6 owns a /64: its first four groups. */
export const addressKey = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after].slice(0, 4).join(':');
};
