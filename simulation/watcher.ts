import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

/** One version of a payment as a subscriber saw it. */
export interface Seen {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly at: Date;
}

/** Someone who looks at orders, over every life of the server. */
export interface Watcher {
  /** Looks at an order from now on. */
  follow(orderId: string): void;
  /** Connects to a server anew and subscribes to all that is followed. */
  connect(url: string): void;
  disconnect(): void;
  /** The newest version seen of each payment. */
  newest(): ReadonlyMap<string, Seen>;
  all(): readonly Seen[];
  /** Resolves when every payment that was shown at all has been shown in these versions. */
  upTo(versions: ReadonlyMap<string, number>): Promise<void>;
  /** What a subscriber must never see. */
  readonly faults: readonly string[];
}

const WATCH = 'subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { id version status } }';

interface Message {
  readonly orderPaymentsUpdated: { readonly id: string; readonly version: number; readonly status: string };
}

/** A socket that is cut while it connects says so to nobody. */
class QuietWebSocket extends WebSocket {
  constructor(address: string, protocols?: string | string[]) {
    super(address, protocols);
    this.on('error', () => undefined);
  }
}

/** Subscribes as this token's account. */
export const createWatcher = (token: string): Watcher => {
  const orders = new Set<string>();
  const newest = new Map<string, Seen>();
  const all: Seen[] = [];
  const faults: string[] = [];
  const waiting = new Set<() => void>();
  let client: Client | undefined;

  const see = (seen: Seen, shown: Map<string, number>): void => {
    const last = newest.get(seen.id);
    const shownHere = shown.get(seen.id);
    if (last && seen.version < last.version)
      faults.push(`payment ${seen.id}: version ${seen.version} was shown after ${last.version}`);
    if (shownHere !== undefined && seen.version <= shownHere)
      faults.push(`payment ${seen.id}: version ${seen.version} was shown twice in one subscription`);
    shown.set(seen.id, seen.version);
    if (!last || seen.version >= last.version) newest.set(seen.id, seen);
    all.push(seen);
    for (const look of [...waiting]) look();
  };

  const subscribe = (to: Client, orderId: string): void => {
    const shown = new Map<string, number>();
    to.subscribe<Message>(
      { query: WATCH, variables: { orderId } },
      {
        next: ({ data }) => {
          // What is still on its way from a life that has ended is nobody's message.
          if (data && client === to) see({ ...data.orderPaymentsUpdated, at: new Date() }, shown);
        },
        error: () => undefined,
        complete: () => undefined,
      },
    );
  };

  const disconnect = (): void => {
    const gone = client;
    client = undefined;
    gone?.terminate();
    void gone?.dispose();
  };

  return {
    faults,
    all: () => all,
    newest: () => newest,
    disconnect,
    upTo: (versions) =>
      new Promise((resolve) => {
        const look = (): void => {
          const isBehind = [...newest.values()].some(({ id, version }) => version < (versions.get(id) ?? 0));
          if (isBehind) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    follow(orderId) {
      if (orders.has(orderId)) return;
      orders.add(orderId);
      if (client) subscribe(client, orderId);
    },
    connect(url) {
      disconnect();
      const connected = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: QuietWebSocket,
        retryAttempts: 0,
        lazy: true,
        connectionParams: { authorization: `Bearer ${token}` },
      });
      client = connected;
      for (const orderId of orders) subscribe(connected, orderId);
    },
  };
};
