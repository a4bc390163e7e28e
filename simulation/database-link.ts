import type net from 'node:net';
import type { CrashPoint } from './crash-points.js';
import { type Link, openLink } from './link.js';

/** Changes the text of a statement on its way to PostgreSQL: how a bug is seeded. */
export type Rewrite = (text: string) => string;

interface Options {
  readonly url: URL;
  /** The point that is armed now, if any; asked at each commit. */
  readonly armed: () => CrashPoint | undefined;
  /** The point was reached: everything must be cut now. */
  readonly die: () => void;
  readonly rewrite?: Rewrite | undefined;
  /** Answers a rolled-back transaction as committed: the bug of telling before it is certain. */
  readonly losesCommit?: (statements: ReadonlySet<string>) => boolean;
}

/** Statements that carry no name of their own, by what is in their text: their names in PostgreSQL are made from it. */
const MARKED = { payment_write_version: 'update tollgate.payment t set status = u.status' } as const;

const textOf = (buffer: Buffer, start: number): { text: string; next: number } => {
  const end = buffer.indexOf(0, start);
  return { text: buffer.toString('utf8', start, end), next: end + 1 };
};

const messageOf = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

/** A Parse message with another statement text. Source: PostgreSQL docs, "Message Formats". */
const rewriteParse = (message: Buffer, rewrite: Rewrite): Buffer => {
  const name = textOf(message, 5);
  const query = textOf(message, name.next);
  const changed = rewrite(query.text);
  if (changed === query.text) return message;
  const body = Buffer.concat([Buffer.from(`${name.text}\0${changed}\0`), message.subarray(query.next)]);
  return messageOf('P', body);
};

/** The Bind message of a COMMIT, turned into one of a ROLLBACK that is parsed just before. */
const asRollback = (bind: Buffer): Buffer => {
  const portal = textOf(bind, 5);
  const statement = textOf(bind, portal.next);
  return Buffer.concat([
    messageOf('P', Buffer.from('\0rollback\0\0\0')),
    messageOf('B', Buffer.concat([Buffer.from(`${portal.text}\0\0`), bind.subarray(statement.next)])),
  ]);
};

/** Cuts a stream of frontend messages into whole ones; the first has no type byte. */
const createFraming = () => {
  let rest = Buffer.alloc(0);
  let isFirst = true;
  return (chunk: Buffer): Buffer[] => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const at = isFirst ? 0 : 1;
      if (rest.length < at + 4) return messages;
      const length = at + rest.readInt32BE(at);
      if (rest.length < length) return messages;
      messages.push(rest.subarray(0, length));
      rest = rest.subarray(length);
      isFirst = false;
    }
  };
};

const COMMITTED = Buffer.from('COMMIT\0');
const ROLLED_BACK = Buffer.from('ROLLBACK\0');

/** Opens the way to PostgreSQL of one server: it can die at a commit, and its statements can be changed. */
export const openDatabaseLink = async ({ url, armed, die, rewrite, losesCommit }: Options): Promise<Link> => {
  const pipe = (toServer: net.Socket, upstream: net.Socket): void => {
    const frame = createFraming();
    /** What the prepared statements of this connection say. */
    const texts = new Map<string, string>();
    let statements = new Set<string>();
    let diesAfterAnswer = false;
    let lies = false;

    /** Gives what is sent on; undefined when the server died before it. */
    const pass = (message: Buffer): Buffer | undefined => {
      const type = String.fromCharCode(message[0] ?? 0);
      if (type === 'P') {
        const name = textOf(message, 5);
        texts.set(name.text, textOf(message, name.next).text);
        return rewrite ? rewriteParse(message, rewrite) : message;
      }
      if (type !== 'B') return message;
      const statement = textOf(message, textOf(message, 5).next).text;
      if (statement === 'begin') statements = new Set();
      statements.add(statement);
      for (const [name, mark] of Object.entries(MARKED)) if (texts.get(statement)?.includes(mark)) statements.add(name);
      if (statement !== 'commit') return message;
      const point = armed();
      if (point && 'statement' in point && statements.has(point.statement)) {
        if (point.at === 'before commit') return undefined;
        diesAfterAnswer = true;
      }
      lies = losesCommit?.(statements) === true;
      return lies ? asRollback(message) : message;
    };

    toServer.on('data', (chunk: Buffer) => {
      const passed: Buffer[] = [];
      for (const message of frame(chunk)) {
        const sent = pass(message);
        if (!sent) {
          die();
          return;
        }
        passed.push(sent);
      }
      if (passed.length > 0) upstream.write(Buffer.concat(passed));
    });
    upstream.on('data', (chunk: Buffer) => {
      if (diesAfterAnswer) {
        die();
        return;
      }
      if (lies && chunk.includes(ROLLED_BACK)) {
        lies = false;
        toServer.write(asCommitted(chunk));
        return;
      }
      toServer.write(chunk);
    });
  };
  return openLink(() => ({ host: url.hostname, port: Number(url.port) }), pipe);
};

/** The answer to a ROLLBACK, told as that to a COMMIT: two bytes fewer. */
const asCommitted = (chunk: Buffer): Buffer => {
  const at = chunk.indexOf(ROLLED_BACK);
  const told = Buffer.concat([chunk.subarray(0, at), COMMITTED, chunk.subarray(at + ROLLED_BACK.length)]);
  told.writeInt32BE(told.readInt32BE(at - 4) - 2, at - 4);
  return told;
};
