import type http from 'node:http';
import { isPath } from './crash-points.js';

/** Answers in the place of Stripe, which is not asked. */
type Instead = (url: URL, request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>;

/** What is done wrong with which calls. */
interface Wrong {
  readonly method: string;
  /** `*` is any one segment. */
  readonly path: string;
  readonly instead?: Instead;
  /** What a call is sent with, by its own headers and those of the link's first call. */
  readonly headers?: (now: http.IncomingHttpHeaders, first: http.IncomingHttpHeaders) => http.IncomingHttpHeaders;
}

const INTENTS = '/v1/payment_intents';

/** Answers with the method as it would be without its customer, and leaves it as it is. */
const answerAsDetached: Instead = async (url, { headers }, response) => {
  const kept = await fetch(new URL(url.pathname.replace(/\/detach$/, ''), url), {
    headers: { authorization: String(headers.authorization) },
  });
  const method = (await kept.json()) as object;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...method, customer: null }));
};

/** Reads of Stripe with the key of the request that is answered in its place. */
const readAs =
  ({ headers }: http.IncomingMessage) =>
  async <T>(from: URL): Promise<T> =>
    (await (await fetch(from, { headers: { authorization: String(headers.authorization) } })).json()) as T;

/** Answers with the subscription as it would be with the terms that are asked for, and leaves it as it is. */
const answerAsChanged: Instead = async (url, request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const form = new URLSearchParams(body);
  const read = readAs(request);
  const expand = new URLSearchParams([...form].filter(([name]) => name.startsWith('expand')));
  const kept = await read<{ items: { data: { price: { id: string }; quantity: number }[] } }>(
    new URL(`${url.pathname}?${expand}`, url),
  );
  const [item] = kept.items.data;
  const priceId = form.get('items[0][price]') ?? item?.price.id;
  const changed = {
    ...item,
    price: await read(new URL(`/v1/prices/${priceId}`, url)),
    quantity: Number(form.get('items[0][quantity]')),
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...kept, items: { ...kept.items, data: [changed] } }));
};

/** Whoever asks about a payment intent and hears of another can't tell: it has the name and the mark of the one asked about. */
const answerAsAsked: Instead = async (url, request, response) => {
  const read = readAs(request);
  const answer = await fetch(url, { headers: { authorization: String(request.headers.authorization) } });
  const heard = (await answer.json()) as object;
  // A publishable key lists nothing.
  const { data = [] } = await read<{ data?: { id: string; metadata: object }[] }>(new URL(`${INTENTS}?limit=100`, url));
  const asked = data.find(({ id }) => url.pathname === `${INTENTS}/${id}`);
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(asked ? { ...heard, id: asked.id, metadata: asked.metadata } : heard));
};

/** Answers with what a deletion comes to, and leaves the endpoint as it is. */
const answerAsDeleted: Instead = async ({ pathname }, _, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ id: pathname.split('/').at(-1), object: 'webhook_endpoint', deleted: true }));
};

/** What a server does wrong at Stripe, one each; the link to Stripe does it in its place. */
export const STRIPE_BUGS = {
  /** A removed method is said to be gone. */
  'keeps methods': { method: 'POST', path: '/v1/payment_methods/*/detach', instead: answerAsDetached },
  /** A subscription is said to have other terms. */
  'keeps terms': { method: 'POST', path: '/v1/subscriptions/*', instead: answerAsChanged },
  /** Whatever is answered about a payment intent is taken for the one that was asked about. */
  'takes any answer': { method: 'GET', path: `${INTENTS}/*`, instead: answerAsAsked },
  /** A webhook endpoint is said to be deleted. */
  'keeps endpoints': { method: 'DELETE', path: '/v1/webhook_endpoints/*', instead: answerAsDeleted },
  /** Intents are made with the key that was read first. */
  'keeps keys': {
    method: 'POST',
    path: INTENTS,
    headers: (now, first) => ({ ...now, authorization: first.authorization }),
  },
} as const satisfies Readonly<Record<string, Wrong>>;

export type StripeBug = keyof typeof STRIPE_BUGS;

/** Whether a bug is about this call. */
export const isAbout = ({ method, path }: Wrong, request: http.IncomingMessage, { pathname }: URL): boolean =>
  request.method === method && isPath(path, pathname);
