import { type Operation, type Print, textOf } from './document.js';
import { fromWire, TollgateError, toTollgateError, type WireError } from './errors.js';
import type { Tokens } from './tokens.js';

/** How a request may be sent. */
export interface RequestOptions {
  /** Whether sending it twice does no more than once. Left out: what only reads, and what carries an `idempotencyKey`. */
  readonly isRepeatable?: boolean;
}

/**
 * Sends one query or mutation. What is repeatable is sent again where no answer came; anything else is sent once, and may have
 * been done when it rejects with UNREACHABLE. Rejects with a TollgateError.
 */
export type Request = <Data, Variables>(
  operation: Operation<Data, Variables>,
  variables: Variables,
  options?: RequestOptions,
) => Promise<Data>;

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly WireError[];
}

const TIMEOUT_MS = 40_000;
const PAUSES_MS = [300, 1_000];

/** Whether a text changes something; rather once too often than not: a comment may say so too. */
const changes = (text: string): boolean => /(?:^|[\s}])mutation\b/.test(text);

/** Whether the variables, or the input among them, carry a key: done twice, it is done once. */
const hasKey = (variables: unknown): boolean => {
  const { idempotencyKey, input } = (variables ?? {}) as {
    readonly idempotencyKey?: unknown;
    readonly input?: unknown;
  };
  return typeof idempotencyKey === 'string' || (typeof input === 'object' && input !== null && hasKey(input));
};

/** Requests over HTTP. A refused token is renewed once. A repeatable request that got no answer is sent again, twice at most. */
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

  const sendStubbornly = async <Data>(
    body: string,
    token: string | undefined,
    isRepeatable: boolean,
  ): Promise<Answer<Data>> => {
    for (const pauseMs of isRepeatable ? PAUSES_MS : []) {
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

  return async <Data, Variables>(
    operation: Operation<Data, Variables>,
    variables: Variables,
    options: RequestOptions = {},
  ): Promise<Data> => {
    const query = textOf(operation, print);
    const body = JSON.stringify({ query, variables });
    const isRepeatable = options.isRepeatable ?? (!changes(query) || hasKey(variables));
    const ask = async (): Promise<Data> => {
      const token = await tokens.current();
      const { data, errors } = await sendStubbornly<Data>(body, token, isRepeatable);
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
