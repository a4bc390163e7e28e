import { once } from 'node:events';
import Stripe from 'stripe';
import WebSocket from 'ws';
import { ConfigError, readConfig } from '../src/config.js';
import type { Lab } from './lab.js';
import { createRandom } from './random.js';
import { environmentOf } from './server.js';
import { openWorld, signTokens } from './world.js';

/** A way in for bytes that nobody vouches for. */
export interface Door {
  /** Tries an input, and says what was wrong with what came of it; undefined where nothing was. */
  attempt(input: string): Promise<string | undefined>;
}

/** All doors of a server of their own. */
export interface Doors {
  readonly doors: Readonly<Record<string, Door>>;
  close(): Promise<void>;
}

const SECRET = 'whsec_sandbox';
const ANSWER_MS = 10_000;
/** A header that HTTP itself can't carry never reaches a door. */
const UNSENDABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/g;

const judge = async (response: Response): Promise<string | undefined> => {
  const answer = await response.text();
  if (response.status >= 500) return `${response.status}: ${answer.slice(0, 300)}`;
  return answer.includes('"INTERNAL"') ? `INTERNAL: ${answer.slice(0, 300)}` : undefined;
};

/** The first line is the signature header, or `signed`; the rest is the body. */
const webhookDoor = (url: string): Door => ({
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
        signal: AbortSignal.timeout(ANSWER_MS),
      }),
    );
  },
});

const graphqlDoor = (url: string, token: string): Door => ({
  attempt: async (body) =>
    judge(
      await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      }),
    ),
});

/** Each line is a frame; a socket that isn't closed for them must still answer a ping. */
const socketDoor = (url: string, token: string): Door => ({
  async attempt(input) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const said: string[] = [];
    const ended = new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => resolve('it neither answers a ping nor is closed'), ANSWER_MS);
      const end = (wrong: string | undefined): void => {
        clearTimeout(timer);
        resolve(wrong);
      };
      socket.on('close', (code) => end(code === 1011 || code === 4500 ? `it was closed with ${code}` : undefined));
      socket.on('message', (message) => {
        const text = String(message);
        said.push(text);
        if (text.includes('"pong"') && text.includes('the last')) end(undefined);
      });
    });
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    for (const frame of input.split('\n')) socket.send(frame);
    socket.send(JSON.stringify({ type: 'ping', payload: { is: 'the last' } }));
    const wrong = await ended;
    socket.terminate();
    return wrong ?? said.find((text) => text.includes('"INTERNAL"'));
  },
});

/** Each line is NAME=value, set beside what a server needs. */
const environmentDoor = (base: Readonly<Record<string, string>>): Door => ({
  async attempt(input) {
    const given = input.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    });
    try {
      readConfig({ ...base, ...Object.fromEntries(given) });
      return undefined;
    } catch (error) {
      return error instanceof ConfigError ? undefined : String((error as Error).stack ?? error);
    }
  },
});

/** Opens the doors of a server in this process, with a database and a Stripe of its own. */
export const openDoors = async (lab: Lab): Promise<Doors> => {
  const world = await openWorld(lab, createRandom(1));
  const { url } = await world.server();
  const { admin } = await signTokens();
  const meeting = { url: 'postgres://someone@127.0.0.1:1/x', redis: undefined };
  return {
    doors: {
      webhook: webhookDoor(url),
      graphql: graphqlDoor(url, admin),
      socket: socketDoor(url, admin),
      environment: environmentDoor(environmentOf(meeting, 'http://127.0.0.1:1', 'auto')),
    },
    close: world.close,
  };
};
