import { once } from 'node:events';
import Stripe from 'stripe';
import WebSocket from 'ws';
import { ConfigError, readConfig } from '../src/config.js';
import { insertOrder } from './actions.js';
import { argumentsDoor } from './arguments-door.js';
import type { Door } from './fuzz.js';
import type { Lab } from './lab.js';
import { PRICE } from './order-model.js';
import { createRandom } from './random.js';
import { environmentOf } from './server.js';
import { openWorld, signTokens, type World } from './world.js';

/** All doors of a server of their own. */
export interface Doors {
  readonly doors: Readonly<Record<string, Door>>;
  close(): Promise<void>;
}

const SECRET = 'whsec_sandbox';
const ANSWER_MS = 10_000;
/** A header that HTTP itself can't carry never reaches a door. */
const UNSENDABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/g;

const INTERNAL = '"INTERNAL"';

const judge = async (response: Response): Promise<string | undefined> => {
  const answer = await response.text();
  if (response.status >= 500) return `${response.status}: ${answer.slice(0, 300)}`;
  return answer.includes(INTERNAL) ? `INTERNAL: ${answer.slice(0, 300)}` : undefined;
};

/** The first line is the signature header, or `signed`; the rest is the body. */
export const webhookDoor = (url: string, waitsMs = ANSWER_MS): Door => ({
  async attempt(input) {
    const at = input.indexOf('\n');
    const [header, body] = at < 0 ? ['signed', input] : [input.slice(0, at), input.slice(at + 1)];
    const signature =
      header === 'signed' ? Stripe.webhooks.generateTestHeaderString({ payload: body, secret: SECRET }) : header;
    return judge(
      await fetch(`${url}/webhooks/stripe`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'stripe-signature': signature.replaceAll(UNSENDABLE, '') },
        body,
        signal: AbortSignal.timeout(waitsMs),
      }),
    );
  },
});

/** Each input is a body. */
export const graphqlDoor = (url: string, token: string, waitsMs = ANSWER_MS): Door => ({
  attempt: async (body) =>
    judge(
      await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body,
        signal: AbortSignal.timeout(waitsMs),
      }),
    ),
});

/** Asked at the end: its answer comes through the database, and so after those to most of what came before. */
const LAST = {
  id: 'the last',
  type: 'subscribe',
  payload: { query: '{ payments(first: 1) { edges { node { id } } } }' },
};

/** Resolves with what was wrong, once the last frame is answered or the socket is closed. */
const endOf = (socket: WebSocket, waitsMs: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    let internal: string | undefined;
    const timer = setTimeout(() => resolve('it neither answers nor is closed'), waitsMs);
    const end = (wrong: string | undefined): void => {
      clearTimeout(timer);
      resolve(internal ?? wrong);
    };
    socket.on('close', (code) => end(code === 1011 || code === 4500 ? `it was closed with ${code}` : undefined));
    socket.on('message', (message) => {
      const text = String(message);
      if (text.includes(INTERNAL)) internal = text;
      if (text.includes(LAST.id) && /"type":"(complete|error)"/.test(text)) end(undefined);
    });
  });

/** Each line is a frame of a socket that is let in, unless one of them is how it asks for that; one that stays open must go on to answer. */
export const socketDoor = (url: string, token: string, waitsMs = ANSWER_MS): Door => ({
  async attempt(input) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('error', () => undefined);
    const opened = once(socket, 'open');
    const ended = endOf(socket, waitsMs);
    await opened;
    if (!input.includes('connection_init')) {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
      await Promise.race([once(socket, 'message'), ended]);
    }
    for (const frame of input.split('\n')) socket.send(frame);
    socket.send(JSON.stringify(LAST));
    const wrong = await ended;
    socket.terminate();
    return wrong;
  },
});

/** Each line is NAME=value, set beside what a server needs. */
export const environmentDoor = (
  base: Readonly<Record<string, string>>,
  read: typeof readConfig = readConfig,
): Door => ({
  async attempt(input) {
    const given = input.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    });
    try {
      read({ ...base, ...Object.fromEntries(given) });
      return undefined;
    } catch (error) {
      return error instanceof ConfigError ? undefined : String((error as Error).stack ?? error);
    }
  },
});

const PAY_TRIES = 20;

/** The order and the payment that the seeds name are there. */
const begin = async (world: World): Promise<void> => {
  const orderId = await insertOrder(world, 'ann', PRICE, 'USD');
  const query = `mutation ($orderId: ID!, $amount: MinorUnits) {
    pay(input: { orderId: $orderId, amount: $amount, currency: "USD" }) { payment { id } } }`;
  // Where the machine is busy, Stripe's answer may come too late: then it is asked again, for the same payment.
  const pay = (triesLeft: number): Promise<{ payment: { id: string } }> =>
    world.ask<{ payment: { id: string } }>('ann', query, { orderId, amount: PRICE }).catch((error: unknown) => {
      if (triesLeft === 0) throw error;
      return pay(triesLeft - 1);
    });
  const { payment } = await pay(PAY_TRIES);
  if (orderId !== '1' || payment.id !== '1')
    throw new Error(`The seeds name order 1 and payment 1, not ${orderId} and ${payment.id}.`);
};

/** Opens the doors of a server in this process, with a database and a Stripe of its own. */
export const openDoors = async (lab: Lab): Promise<Doors> => {
  const world = await openWorld(lab, createRandom(1), { keys: 'given' });
  const database = await lab.openDatabase();
  const { url } = await world.server();
  const { admin } = await signTokens();
  await begin(world);
  const meeting = { url: 'postgres://someone@127.0.0.1:1/x', redis: undefined };
  return {
    doors: {
      webhook: webhookDoor(url),
      graphql: graphqlDoor(url, admin),
      socket: socketDoor(url, admin),
      environment: environmentDoor(environmentOf(meeting, 'http://127.0.0.1:1', 'auto')),
      arguments: argumentsDoor(environmentOf(database, world.sandbox.url, 'auto')),
    },
    close: async () => {
      await world.close();
      await database.drop();
    },
  };
};
