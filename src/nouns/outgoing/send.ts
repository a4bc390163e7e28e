import http from 'node:http';
import https from 'node:https';
import { wordsOf } from '../../core/errors.js';
import { lookupFor, type NamedHosts, readAddress } from './address.js';

/** What an endpoint answered: a status, or why there was none. */
export interface Answer {
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** A message that is ready to be sent. */
export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

const wordsFor = (statusCode: number): string | null => {
  if (statusCode >= 200 && statusCode < 300) return null;
  if (statusCode >= 300 && statusCode < 400) return `It answered ${statusCode}; redirects are not followed.`;
  return `It answered ${statusCode}.`;
};

const post = ({ url, headers, body }: Message, named: NamedHosts, signal: AbortSignal): Promise<number> =>
  new Promise((resolve, reject) => {
    const address = readAddress(url, named);
    const { request } = address.protocol === 'https:' ? https : http;
    // A connection of its own, so that the address is looked at each time.
    const options = { method: 'POST', headers, agent: false, lookup: lookupFor(named), signal };
    const call = request(address, options, (response) => {
      resolve(response.statusCode ?? 0);
      // Nothing of the body is read.
      response.on('error', () => undefined).destroy();
    });
    call.once('error', reject);
    call.end(body);
  });

/**
 * Sends once, and waits ten seconds at most for the answer's first line. Never rejects, but where `stop` says that this process ends:
 * then nobody knows whether it arrived.
 */
export const send = async (message: Message, named: NamedHosts, stop: AbortSignal): Promise<Answer> => {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const statusCode = await post(message, named, AbortSignal.any([timeout, stop]));
    return { statusCode, error: wordsFor(statusCode) };
  } catch (error) {
    stop.throwIfAborted();
    const words = timeout.aborted ? `It did not answer within ${TIMEOUT_MS / 1_000} s.` : wordsOf(error);
    return { statusCode: null, error: words.slice(0, 300) };
  }
};
