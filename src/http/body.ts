import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A client that keeps sending after the refusal is disconnected after this time. */
const LINGER_MS = 1_000;

/**
 * Reads a request's bytes as they came; null when there are more than `limit`, in which case nothing more is kept.
 * Rejects when the client went away in the middle.
 */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer | null> => {
  if (Number(request.headers['content-length'] ?? 0) > limit) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const settle = (result: Buffer | null): void => {
      request.off('data', keep).off('end', end).off('error', reject).off('close', gone);
      resolve(result);
    };
    const keep = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limit) {
        request.pause();
        settle(null);
      }
    };
    const end = (): void => settle(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    const gone = (): void => reject(new Error('The client went away before it had sent its request.'));
    request.on('data', keep).on('end', end).on('error', reject).on('close', gone);
  });
};

/**
 * After a refusal of a body that was not read to its end: throws away what still comes for a moment, so that the client
 * gets to read the answer (RFC 9112, section 9.6), then closes the connection.
 */
export const discardRest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (!response.writableFinished) await once(response, 'finish').catch(() => undefined);
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  request.resume();
};
