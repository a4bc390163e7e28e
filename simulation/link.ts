import { once } from 'node:events';
import net from 'node:net';

/** A connection of a server to something it depends on, which can be cut as a crash of the server would cut it. */
export interface Link {
  readonly port: number;
  /** Ends all connections at once and takes no new ones: for the rest of the world the server is dead. */
  cut(): void;
  close(): Promise<void>;
}

/** What becomes of one connection: `toServer` is the server's end, `upstream` the other one. */
export type Pipe = (toServer: net.Socket, upstream: net.Socket) => void;

/** Where a link leads. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Listens on a port of its own and pipes each connection to where it leads at that moment; `pipe` moves the bytes. */
export const openLink = async (leadsTo: () => Target | undefined, pipe: Pipe): Promise<Link> => {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  const keep = (socket: net.Socket, other: net.Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const listener = net.createServer((toServer) => {
    const target = leadsTo();
    if (isCut || !target) {
      toServer.destroy();
      return;
    }
    const upstream = net.connect(target.port, target.host);
    toServer.setNoDelay(true);
    upstream.setNoDelay(true);
    keep(toServer, upstream);
    keep(upstream, toServer);
    pipe(toServer, upstream);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (listener.address() as net.AddressInfo).port,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
};
