import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A message of the client: its type, and its body as text (latin 1), so that a test may look for a statement in it. */
export interface ClientMessage {
  readonly type: string;
  readonly body: string;
}

/** A door before PostgreSQL that fails the statements that a test names, as a server would. */
export interface PostgresProxy {
  readonly url: string;
  /** From now on a message for which this is true fails with an error; the rest up to its Sync is skipped, as by the protocol. */
  failWhere(rule: (message: ClientMessage) => boolean): void;
  /** What the clients sent since the last call, in order, without what was failed or skipped. */
  passed(): ClientMessage[];
  close(): Promise<void>;
}

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

const FAILURE = message('E', Buffer.from('SERROR\0VERROR\0C42P05\0Mprepared statement "begin" already exists\0\0'));
const READY = message('Z', Buffer.from('I'));

/** Source: PostgreSQL docs, "Message Flow": after an error the server reads and discards messages until a Sync. */
export const startPostgresProxy = async (target: string): Promise<PostgresProxy> => {
  const { hostname, port } = new URL(target);
  let fails: (message: ClientMessage) => boolean = () => false;
  const passed: ClientMessage[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect({ host: hostname, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    let rest = Buffer.alloc(0);
    let isStarted = false;
    let skips = false;
    /** The first message has no type. */
    const headLength = (): number => (isStarted ? 1 : 0);
    const take = (whole: Buffer): void => {
      const type = isStarted ? String.fromCharCode(whole[0] ?? 0) : 'startup';
      const told = { type, body: whole.subarray(headLength() + 4).toString('latin1') };
      isStarted = true;
      if (skips) {
        if (type !== 'S') return;
        skips = false;
        client.write(Buffer.concat([FAILURE, READY]));
      } else if (fails(told)) {
        skips = true;
      } else {
        passed.push(told);
        upstream.write(whole);
      }
    };
    client.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= headLength() + 4) {
        const length = headLength() + rest.readInt32BE(headLength());
        if (rest.length < length) return;
        take(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    failWhere(rule) {
      fails = rule;
    },
    passed: () => passed.splice(0),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
