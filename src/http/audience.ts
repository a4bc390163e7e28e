import type { ServerResponse } from 'node:http';
import { addressKey } from '../graphql/rate-limits.js';

/** Less than this is what any connection may hold for a moment. */
const NOTABLE_BYTES = 64 * 1_024;

/** A connection that answers are sent to. */
export interface Reader {
  /** What was sent to it and not taken yet. */
  unreadBytes(): number;
  /** Ends the connection at once, with all that it holds. */
  drop(): void;
}

/** Who reads, by address. */
export interface Audience {
  /** From now on the reader counts, until the answer is called. */
  join(address: string, reader: Reader): () => void;
  /** How many of the address there are. */
  sizeOf(address: string): number;
  /** Call it after sending: drops those who read least, where the address leaves more unread than it may. */
  settle(address: string, reader: Reader): void;
}

/** Keeps what the readers of one address leave unread below the limit, in bytes. */
export const createAudience = ({ unreadBytesPerAddress }: { readonly unreadBytesPerAddress: number }): Audience => {
  const byAddress = new Map<string, Set<Reader>>();

  const dropLargest = (readers: ReadonlySet<Reader>): void => {
    const held = [...readers].map((reader) => ({ reader, bytes: reader.unreadBytes() }));
    let sum = held.reduce((total, { bytes }) => total + bytes, 0);
    held.sort((a, b) => b.bytes - a.bytes);
    for (const { reader, bytes } of held) {
      if (sum <= unreadBytesPerAddress) return;
      reader.drop();
      sum -= bytes;
    }
  };

  return {
    join: (address, reader) => {
      const key = addressKey(address);
      const readers = byAddress.get(key) ?? new Set();
      byAddress.set(key, readers.add(reader));
      return () => {
        readers.delete(reader);
        if (readers.size === 0 && byAddress.get(key) === readers) byAddress.delete(key);
      };
    },
    sizeOf: (address) => byAddress.get(addressKey(address))?.size ?? 0,
    settle: (address, reader) => {
      const readers = byAddress.get(addressKey(address));
      if (readers && reader.unreadBytes() > NOTABLE_BYTES) dropLargest(readers);
    },
  };
};

/**
 * Watches an answer that was sent whole. While it isn't read it counts for its address, and its connection is cut off after
 * so many milliseconds, even if it trickles.
 */
export const watchAnswer = (
  response: ServerResponse,
  { audience, address, limitMs }: { readonly audience: Audience; readonly address: string; readonly limitMs: number },
): void => {
  const { socket } = response;
  if (!socket || socket.writableLength <= NOTABLE_BYTES) return;
  const reader: Reader = { unreadBytes: () => socket.writableLength, drop: () => socket.destroy() };
  const leave = audience.join(address, reader);
  const timer = setTimeout(reader.drop, limitMs);
  response.once('close', () => {
    clearTimeout(timer);
    leave();
  });
  audience.settle(address, reader);
};
