import { type Operation, type Print, textOf } from './document.js';
import { fromWire, TollgateError, toTollgateError, type WireError } from './errors.js';
import type { Tokens } from './tokens.js';

/** Sends one query or mutation. Rejects with a TollgateError. */
export type Request = <Data, Variables>(operation: Operation<Data, Variables>, variables: Variables) => Promise<Data>;

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly WireError[];
}

const TIMEOUT_MS = 40_000;
const PAUSES_MS = [300, 1_000];

/**
 * Requests over HTTP. A refused token is renewed once. A request that got no answer is sent again, twice at most: every
 * mutation of the client carries an idempotency key, so what was done is not done twice.
 */
export const createRequest = (url: string, tokens: Tokens, print?: Print): Request => {
  const send = async <Data>(body: string, token: string | undefined): Promise<Answer<Data>> => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const giveUp = new AbortController(); // React Native has no AbortSignal.timeout
    const timer = setTimeout(() => giveUp.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(url, { method: 'POST', headers, body, signal: giveUp.signal });
      return (await response.json()) as Answer<Data>;
    } finally {
      clearTimeout(timer);
    }
  };

  const sendStubbornly = async <Data>(body: string, token: string | undefined): Promise<Answer<Data>> => {
    for (const pauseMs of PAUSES_MS) {
      try {
        return await send(body, token);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
    return send<Data>(body, token).catch((error: unknown) => {
      throw toTollgateError(error);
    });
  };

  return async <Data, Variables>(operation: Operation<Data, Variables>, variables: Variables): Promise<Data> => {
    const body = JSON.stringify({ query: textOf(operation, print), variables });
    const ask = async (): Promise<Data> => {
      const token = await tokens.current();
      const { data, errors } = await sendStubbornly<Data>(body, token);
      if (errors) {
        const error = fromWire(errors);
        if (error.code === 'UNAUTHENTICATED') tokens.refuse(token);
        throw error;
      }
      if (!data) throw new TollgateError('INTERNAL', 'The server answered without data.');
      return data;
    };
    try {
      return await ask();
    } catch (error) {
      if (toTollgateError(error).code !== 'UNAUTHENTICATED') throw error;
      return ask();
    }
  };
};
