import type { Redis, RedisOptions } from 'ioredis';
import type { PubSubLog } from './pubsub.js';
import { refusalOf } from './redis-refusal.js';

/** A link that doesn't answer is given up after one to two of these. */
const HEARTBEAT_MS = 2_000;
const LONGEST_RETRY_MS = 1_000;

/**
 * Every command fails at once while the link is down, and when it breaks under a command: nothing queues, and whoever
 * asked decides what to repeat.
 */
export const linkOptions: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 2_000,
  disconnectTimeout: 200,
  retryStrategy: (attempt) => Math.min(25 * 2 ** attempt, LONGEST_RETRY_MS),
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
};

const reasonOf = (error: unknown): { problem: string; remedy: string } => {
  const { message, remedy } = refusalOf(error);
  return { problem: message, remedy };
};

/**
 * Keeps a connection honest: pings it, so that one that died without a word is noticed within 4 s and made anew, and logs
 * once when it is lost and once when it is back. `onBeat` is called every 2 s while the link works. The answer stops it.
 */
export const keepLink = (client: Redis, name: string, log: PubSubLog, onBeat: () => void): (() => void) => {
  let stopped = false;
  let down = false;
  let silent = false;
  client.on('connect', () => {
    silent = false;
  });
  client.on('error', (error) => {
    if (!down) log.warn({ ...reasonOf(error), link: name }, 'the link to Redis failed; trying again until it works');
    down = true;
  });
  client.on('close', () => {
    if (!down && !stopped) log.warn({ link: name }, 'the link to Redis was lost; trying again until it works');
    down = true;
  });
  client.on('ready', () => {
    if (down) log.info({ link: name }, 'the link to Redis works again');
    down = false;
    silent = false;
  });

  const heartbeat = setInterval(() => {
    if (client.status !== 'ready' && client.status !== 'connect') return;
    if (silent) return client.disconnect(true);
    silent = true;
    if (client.status !== 'ready') return;
    client.ping().then(
      () => {
        silent = false;
      },
      () => undefined,
    );
    onBeat();
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    stopped = true;
    clearInterval(heartbeat);
  };
};

/** The promise's result, or a rejection on timeout; the promise itself keeps running. */
export const within = async <T>(timeoutMs: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer from Redis within ${timeoutMs} ms.`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
};
