import { EventEmitter } from 'node:events';
import { Command, Redis, type RedisOptions } from 'ioredis';
import type { PubSubLog } from './pubsub.js';
import { keepLink, linkOptions, within } from './redis-link.js';
import { endClient, type SubscriberPort } from './redis-links.js';

/** Longer, and the node that was asked is none that the topic belongs to any more. */
const ACKNOWLEDGE_MS = 1_500;

interface Wanted {
  /** The node that acknowledged it; undefined: none yet, or its connection was lost. */
  at: string | undefined;
  isAsked: boolean;
  /** Tells the one who subscribed; called at the first acknowledgement alone. */
  tell: (() => void) | undefined;
}

interface Node {
  readonly client: Redis;
  readonly stop: () => void;
}

/** What is known of a cluster. */
export interface ClusterMap {
  /** The masters, as "host:port", by slot; empty while nothing is known. */
  readonly slots: readonly (readonly string[] | undefined)[];
}

/**
 * Listens to topics of a Redis Cluster with sharded pub/sub: each on a connection to the node whose slot it is. What is wanted
 * is kept, and asked for again wherever it belongs, after a lost connection, a failover or a moved slot.
 *
 * Source: Redis docs, "Redis Pub/Sub", Sharded Pub/Sub: a topic is a key of its slot, and messages stay on its shard.
 */
export class ShardedSubscriber extends EventEmitter implements SubscriberPort {
  readonly #wanted = new Map<string, Wanted>();
  readonly #nodes = new Map<string, Node>();
  #isClosed = false;

  constructor(
    private readonly map: ClusterMap,
    private readonly options: RedisOptions,
    private readonly parts: { readonly log: PubSubLog; readonly tellGap: () => void },
  ) {
    super();
  }

  subscribe(topic: string, acknowledged: (error: null, count: number) => void): Promise<unknown> {
    const wanted: Wanted = { at: undefined, isAsked: false, tell: () => acknowledged(null, 1) };
    this.#wanted.set(topic, wanted);
    return this.#ask(topic, wanted);
  }

  unsubscribe(topic: string): Promise<unknown> {
    const at = this.#wanted.get(topic)?.at;
    this.#wanted.delete(topic);
    return this.#leave(topic, at);
  }

  /** The library calls it beside every `unsubscribe`; there are no patterns here. */
  punsubscribe(): Promise<unknown> {
    return Promise.resolve();
  }

  /** Asks for each topic where it belongs by now and was not acknowledged; told as a gap where one was. */
  async settle(): Promise<void> {
    if (this.#isClosed || this.map.slots.length === 0) return;
    const asked = [...this.#wanted].flatMap(([topic, wanted]) => {
      if (wanted.isAsked || (wanted.at !== undefined && wanted.at === this.#ownerOf(topic))) return [];
      const { at } = wanted;
      wanted.at = undefined;
      if (at !== undefined) void this.#leave(topic, at);
      return [this.#ask(topic, wanted)];
    });
    this.#closeUnused();
    if ((await Promise.all(asked)).some(Boolean)) this.parts.tellGap();
  }

  async end(): Promise<void> {
    this.#isClosed = true;
    const nodes = [...this.#nodes.values()];
    this.#nodes.clear();
    for (const { stop } of nodes) stop();
    await Promise.all(nodes.map(({ client }) => endClient(client)));
  }

  #ownerOf(topic: string): string | undefined {
    return this.map.slots[slotOf(topic)]?.[0];
  }

  async #ask(topic: string, wanted: Wanted): Promise<boolean> {
    const owner = this.#ownerOf(topic);
    if (owner === undefined) return false;
    const { client } = this.#nodeOf(owner);
    if (client.status !== 'ready') return false; // once it is, everything of it is settled
    wanted.isAsked = true;
    try {
      // A topic that moved is answered with an event of ioredis's, and the call never.
      await within(ACKNOWLEDGE_MS, client.ssubscribe(topic));
    } catch {
      return false;
    } finally {
      wanted.isAsked = false;
    }
    if (this.#wanted.get(topic) !== wanted) return false;
    wanted.at = owner;
    wanted.tell?.();
    wanted.tell = undefined;
    return true;
  }

  async #leave(topic: string, at: string | undefined): Promise<void> {
    const client = at === undefined ? undefined : this.#nodes.get(at)?.client;
    if (client?.status === 'ready') await client.sunsubscribe(topic).catch(() => undefined);
  }

  #nodeOf(key: string): Node {
    const known = this.#nodes.get(key);
    if (known) return known;
    const split = key.lastIndexOf(':');
    const client = new Redis({
      ...this.options,
      ...linkOptions,
      host: key.slice(0, split),
      port: Number(key.slice(split + 1)),
    });
    const node = { client, stop: keepLink(client, `subscriber ${key}`, this.parts.log, () => undefined) };
    this.#nodes.set(key, node);
    client.on('smessageBuffer', (topic: Buffer, message: Buffer) => this.emit('messageBuffer', topic, message));
    client.on('ready', () => void this.settle());
    client.on('close', () => {
      for (const wanted of this.#wanted.values()) if (wanted.at === key) wanted.at = undefined;
    });
    // A node that gives a slot away says so unasked, which ioredis takes for an answer: begin anew.
    client.on('error', (error) => {
      if (error.message.startsWith('Command queue state error')) client.disconnect(true);
    });
    client.connect().catch(() => undefined);
    return node;
  }

  /** Of a node that has left the cluster. */
  #closeUnused(): void {
    const owners = new Set(this.map.slots.map((keys) => keys?.[0]));
    for (const [key, { client, stop }] of this.#nodes) {
      if (owners.has(key)) continue;
      this.#nodes.delete(key);
      stop();
      client.disconnect();
    }
  }
}

const slotOf = (topic: string): number => new Command('get', [topic]).getSlot() ?? 0;
