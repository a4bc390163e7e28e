import { Cluster, type ClusterOptions } from 'ioredis';
import type { PubSubLog } from './pubsub.js';
import { credentialsOf, type RedisAddress } from './redis-address.js';
import { linkOptions, within } from './redis-link.js';
import { type OpenLink, openKept, PUBLISH_MS, type RedisLinks } from './redis-links.js';
import { refusalOf } from './redis-refusal.js';
import { ShardedSubscriber } from './sharded-subscriber.js';

/** How often the map of the cluster is read again, and what belongs elsewhere moved there. */
const REFRESH_MS = 2_000;
const PING_MS = 2_000;
const LONGEST_RETRY_MS = 1_000;

const portOf = (url: URL): number => (url.port === '' ? 6379 : Number(url.port));

/** Opens a client of the whole cluster, which finds the other nodes by itself; it does not connect yet. */
export const openCluster = ({ url }: RedisAddress, more: ClusterOptions = {}): Cluster => {
  const parsed = new URL(url);
  const { db: _, ...credentials } = credentialsOf(url); // a cluster has one database
  return new Cluster([{ host: parsed.hostname.replace(/^\[|\]$/g, ''), port: portOf(parsed) }], {
    lazyConnect: true,
    enableOfflineQueue: false,
    slotsRefreshInterval: REFRESH_MS,
    slotsRefreshTimeout: PING_MS,
    maxRedirections: 4,
    clusterRetryStrategy: (attempt) => Math.min(25 * 2 ** attempt, LONGEST_RETRY_MS),
    redisOptions: { ...linkOptions, ...credentials, commandTimeout: PUBLISH_MS },
    // Certificates are for names; nodes are known by their addresses.
    ...more,
    ...(credentials.tls && { dnsLookup: (address, callback) => callback(null, address) }),
  });
};

/** Keeps a client of a cluster honest: a node that doesn't answer is dropped, and whoever took its place is found. */
const keepCluster = (cluster: Cluster, name: string, log: PubSubLog): (() => void) => {
  let down = false;
  const fails = (error?: unknown): void => {
    if (down) return;
    down = true;
    const { message, remedy } = refusalOf(error ?? new Error('the connection was lost'));
    log.warn({ problem: message, remedy, link: name }, 'the link to Redis failed; trying again until it works');
  };
  const works = (): void => {
    if (down && cluster.status === 'ready') log.info({ link: name }, 'the link to Redis works again');
    down &&= cluster.status !== 'ready';
  };
  cluster.on('error', fails);
  cluster.on('node error', fails);
  const timer = setInterval(() => {
    const pings = cluster.nodes('master').map((node) =>
      within(PING_MS, node.ping()).catch((error: unknown) => {
        node.disconnect();
        throw error;
      }),
    );
    Promise.all(pings).then(works, () => undefined);
  }, REFRESH_MS);
  timer.unref();
  return () => clearInterval(timer);
};

/** The connections to a cluster: one to each node for publishing, one to each node with topics for listening. */
export const createClusterLinks = (address: RedisAddress): RedisLinks => {
  const cluster = openCluster(address);
  const { db: _, ...credentials } = credentialsOf(address.url);
  let log: PubSubLog | undefined;
  let tellGap = (): void => undefined;
  const subscriber = new ShardedSubscriber(cluster, credentials, {
    log: {
      info: (...line) => log?.info(...line),
      warn: (...line) => log?.warn(...line),
      error: (...line) => log?.error(...line),
    },
    tellGap: () => tellGap(),
  });
  const pingAll = async (): Promise<unknown> => {
    const masters = cluster.nodes('master');
    if (cluster.status !== 'ready' || masters.length === 0) throw new Error('The cluster is not connected.');
    return Promise.all(masters.map((node) => node.ping()));
  };
  return {
    publisher: { publish: (topic, message) => within(PUBLISH_MS, cluster.spublish(topic, message)) },
    subscriber,
    open: () => cluster.connect(),
    keep(given, gap) {
      log = given;
      tellGap = gap;
      const stop = keepCluster(cluster, 'publisher', given);
      const settle = (): void => void subscriber.settle();
      for (const event of ['ready', 'refresh', '+node', '-node']) cluster.on(event, settle);
      const timer = setInterval(settle, REFRESH_MS);
      timer.unref();
      return () => {
        stop();
        clearInterval(timer);
      };
    },
    ping: pingAll,
    quit: () => cluster.quit(),
    async end() {
      cluster.disconnect();
      await subscriber.end();
    },
  };
};

/** A connection to the cluster for what is not pub/sub; every command fails at once while its node is down. */
export const openClusterLink = (address: RedisAddress, name: string, log: PubSubLog): OpenLink<Cluster> => {
  const client = openCluster(address);
  return openKept(client, keepCluster(client, name, log));
};
