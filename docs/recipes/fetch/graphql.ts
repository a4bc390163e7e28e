import { GRAPHQL, token } from '../shop.ts';

/** What the server refused; `code` is one of the list in the docs, "For your pages". */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Variables = Readonly<Record<string, unknown>>;
interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

const dataOf = <Data>({ data, errors }: Answer<Data>): Data => {
  if (errors?.[0]) throw new Refused(errors[0].extensions?.code ?? 'INTERNAL', errors[0].message);
  if (!data) throw new Refused('INTERNAL', 'The server answered without data.');
  return data;
};

const send = async (query: string, variables: Variables, more: RequestInit & { accept: string }): Promise<Response> => {
  const { accept, ...init } = more;
  const headers = { accept, authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
  return fetch(GRAPHQL, { ...init, method: 'POST', headers, body: JSON.stringify({ query, variables }) });
};

/** Asks once. A mutation that got no answer may be sent again with the same idempotencyKey: it is done once. */
export const ask = async <Data>(query: string, variables: Variables): Promise<Data> =>
  dataOf<Data>(await (await send(query, variables, { accept: 'application/json' })).json());

/** The server sends something every 12 seconds: what is silent for longer has lost its other end. */
const SILENT_MS = 30_000;

/** One stream's answers until it ends. Server-sent events by fetch: EventSource can't send a token. */
async function* readStream<Data>(query: string, variables: Variables, signal: AbortSignal): AsyncGenerator<Data> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  const either = AbortSignal.any([signal, silence.signal]);
  try {
    const response = await send(query, variables, { accept: 'text/event-stream', signal: either });
    if (response.headers.get('content-type') !== 'text/event-stream') dataOf(await response.json());
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const events = (rest + value).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const [, text] = /^data: (.+)$/m.exec(event) ?? []; // comments and the end have none
        if (text !== undefined) yield dataOf<Data>(JSON.parse(text));
      }
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** With these, it is worth to try again: with a fresh token, or after a pause. */
const PASSING = ['UNAUTHENTICATED', 'RATE_LIMITED', 'UNAVAILABLE'];

/** A subscription that is opened again where it was lost: the server then sends the current rows first. */
export async function* watch<Data>(query: string, variables: Variables, signal: AbortSignal): AsyncGenerator<Data> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      for await (const data of readStream<Data>(query, variables, signal)) {
        tries = 0;
        yield data;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && !PASSING.includes(error.code)) throw error;
    }
    const longestMs = Math.min(5_000, 200 * 2 ** tries);
    await new Promise((resolve) => setTimeout(resolve, longestMs / 2 + (Math.random() * longestMs) / 2));
  }
}
