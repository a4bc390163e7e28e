import type { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import type { PubSubLog } from './pubsub.js';
import { makeClient, type RedisAddress } from './redis-address.js';
import { keepLink, linkOptions, within } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';

/** The connections of pub/sub, to one Redis or to a cluster. */
export interface RedisLinks {
  /** What graphql-redis-subscriptions publishes with. */
  readonly publisher: { publish(topic: string, message: string): Promise<unknown> };
  /** What it listens on. */
  readonly subscriber: SubscriberPort;
  /** Resolves once connected, or rejects; the links go on trying. */
  open(): Promise<unknown>;
  /** Keeps the links honest and says when messages may have been lost; the answer stops that. */
  keep(log: PubSubLog, tellGap: () => void): () => void;
  ping(): Promise<unknown>;
  /** Ends once all that was published has been sent; may wait for ever while Redis is silent. */
  quit(): Promise<unknown>;
  /** Closes for good and waits until the sockets are gone. */
  end(): Promise<unknown>;
}

/** What graphql-redis-subscriptions calls of the connection that it listens on, beside `on` for "messageBuffer". */
export interface SubscriberPort {
  subscribe(topic: string, acknowledged: (error: null, count: number) => void): Promise<unknown>;
  unsubscribe(topic: string): Promise<unknown>;
  punsubscribe(): Promise<unknown>;
}

/** So long a message may take. */
export const PUBLISH_MS = 1_500;
const QUIT_MS = 500;

/** Two connections to one Redis. */
export const createRedisLinks = (address: RedisAddress): RedisLinks => {
  const publisher = makeClient(Redis, address, { ...linkOptions, commandTimeout: PUBLISH_MS });
  const subscriber = makeClient(RedisSubscriber, address, linkOptions);
  return {
    publisher,
    subscriber,
    open: () => Promise.allSettled([publisher.connect(), subscriber.connect()]),
    keep(log, tellGap) {
      const stops = [
        keepLink(publisher, 'publisher', log, () => undefined),
        keepLink(subscriber, 'subscriber', log, () => void subscriber.retry().then((some) => some && tellGap())),
      ];
      subscriber.on('ready', () => void subscriber.renew().then((all) => all && tellGap()));
      return () => {
        for (const stop of stops) stop();
      };
    },
    ping: () => Promise.all([publisher.ping(), subscriber.ping()]),
    quit: () => Promise.allSettled([publisher.quit(), subscriber.quit()]),
    end: () => Promise.all([endClient(publisher), endClient(subscriber)]),
  };
};

/** Closes for good and waits until the socket is gone; ioredis says so only where there was one. */
export const endClient = async (
  client: Pick<Redis, 'status' | 'disconnect'> & Pick<EventEmitter, 'once'>,
): Promise<void> => {
  const hasSocket = client.status === 'ready' || client.status === 'connect';
  const ended = hasSocket ? new Promise<void>((resolve) => client.once('end', () => resolve())) : undefined;
  client.disconnect();
  if (ended) await within(QUIT_MS, ended).catch(() => undefined);
};

/** A connection for what is not pub/sub; every command fails at once while Redis is down. */
export interface OpenLink<Client> {
  readonly client: Client;
  close(): void;
}

/** Begins to connect a client that is kept until `stop`. */
export const openKept = <Client extends Pick<Redis, 'connect' | 'disconnect'>>(
  client: Client,
  stop: () => void,
): OpenLink<Client> => {
  client.connect().catch(() => undefined);
  return {
    client,
    close() {
      stop();
      client.disconnect();
    },
  };
};

/** A connection of its own to one Redis. */
export const openRedisLink = (address: RedisAddress, name: string, log: PubSubLog): OpenLink<Redis> => {
  const client = makeClient(Redis, address, linkOptions);
  return openKept(
    client,
    keepLink(client, name, log, () => undefined),
  );
};
