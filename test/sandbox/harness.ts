import http from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { afterAll, afterEach, expect } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/sandbox.js';
import { recordContract } from '../harness/contract.js';
import { createContractReport } from '../stripe-contract/contract.js';

export interface Received {
  readonly event: Stripe.Event;
  readonly raw: string;
  readonly signature: string;
}

/** A webhook endpoint that remembers what it got; its answers can be changed. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The status of the next answers, 200 unless set. */
  answer: (received: Received) => number | Promise<number>;
  types(): string[];
  close(): Promise<void>;
}

export const startReceiver = async (): Promise<Receiver> => {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    let raw = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      raw += chunk;
    });
    request.on('end', async () => {
      const got = {
        event: JSON.parse(raw) as Stripe.Event,
        raw,
        signature: String(request.headers['stripe-signature']),
      };
      received.push(got);
      response.writeHead(await receiver.answer(got)).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    received,
    answer: () => 200,
    types: () => received.map(({ event }) => event.type),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
};

export const clientOf = (port: number, key = 'sk_test_sandbox'): Stripe =>
  new Stripe(key, {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    timeout: 10_000,
  });

export interface World {
  readonly sandbox: Sandbox;
  readonly stripe: Stripe;
  readonly receiver: Receiver;
  /** A control call; gives its JSON. */
  control(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** A raw call of the API. */
  raw(
    method: string,
    path: string,
    body?: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
  advance(seconds: number): Promise<void>;
}

/** Gives worlds to tests; after each, all that was asked, answered and sent is held against Stripe's contract. */
export const useWorlds = () => {
  const report = createContractReport();
  let open: World[] = [];

  afterEach(async () => {
    const worlds = open;
    open = [];
    for (const { sandbox, receiver } of worlds) {
      await report.addSandbox(sandbox.url);
      await sandbox.close();
      await receiver.close();
    }
    expect(report.violations).toEqual([]);
  });

  afterAll(() => {
    const { requests, objects, violations } = report;
    recordContract({ requests, counted: requests, objects, violations });
  });

  const start = async (options: Partial<SandboxOptions> = {}): Promise<World> => {
    const receiver = await startReceiver();
    const sandbox = await startSandbox({ port: 0, webhookUrl: receiver.url, ...options });
    const control: World['control'] = async (method, path, body) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${sandbox.url}/_sandbox${path}`, init);
      return (await response.json()) as Record<string, unknown>;
    };
    const world: World = {
      sandbox,
      receiver,
      stripe: clientOf(sandbox.port),
      control,
      raw: async (method, path, body, headers = {}) => {
        const response = await fetch(`${sandbox.url}${path}`, {
          method,
          headers: {
            authorization: 'Bearer sk_test_sandbox',
            ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body }),
        });
        return {
          status: response.status,
          headers: response.headers,
          body: (await response.json()) as Record<string, unknown>,
        };
      },
      advance: async (seconds) => {
        await control('POST', '/clock', { advanceSeconds: seconds });
      },
    };
    open.push(world);
    return world;
  };
  return { start, report };
};

/** The error of a call that must fail. */
export const failureOf = async (call: Promise<unknown>): Promise<Stripe.errors.StripeError> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('the call succeeded');
};

export const errorBody = (body: Record<string, unknown>): Record<string, unknown> =>
  body['error'] as Record<string, unknown>;
