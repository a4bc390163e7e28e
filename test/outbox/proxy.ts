import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A network between client and Redis that a test may break. */
export interface Proxy {
  readonly url: string;
  /** New connections go there, and those that exist are cut. */
  switchTo(url: string): void;
  /** Links die without a word: nothing passes, nothing is closed. */
  mute(): void;
  /** New connections pass again; muted ones stay dead. */
  unmute(): void;
  close(): Promise<void>;
}

export const startProxy = async (target: string): Promise<Proxy> => {
  let { hostname, port } = new URL(target);
  let muted = false;
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    client.on('error', () => undefined).on('close', () => sockets.delete(client));
    if (muted) return;
    const upstream = net.connect({ host: hostname, port: Number(port) });
    sockets.add(upstream);
    const dead = (): boolean => dying.has(client);
    upstream
      .on('error', () => client.destroy())
      .on('close', () => {
        sockets.delete(upstream);
        if (!dead()) client.destroy();
      });
    client.on('close', () => upstream.destroy());
    client.on('end', () => !dead() && client.destroy());
    client.on('data', (data) => !dead() && upstream.write(data));
    upstream.on('data', (data) => !dead() && client.write(data));
  });
  const dying = new WeakSet<net.Socket>();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    switchTo(url) {
      ({ hostname, port } = new URL(url));
      cut();
    },
    mute() {
      muted = true;
      for (const socket of sockets) dying.add(socket);
    },
    unmute() {
      muted = false;
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
};
