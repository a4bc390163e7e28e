import { z } from 'zod';
import { BadUserInputError } from '../core/errors.js';
import { json } from '../http/reply.js';
import type { Route, RouteRequest, Routes } from '../http/routes.js';

interface Parts {
  /** A Stripe-compatible server that takes test keys; undefined: Stripe itself, at which nothing of this is done. */
  readonly stripeUrl: string | undefined;
  readonly secretKey: string | undefined;
  /** Throws where the caller has no token of this server: another site's page must not disturb what runs here. */
  readonly authenticate: (request: RouteRequest) => Promise<unknown>;
}

const Id = z.string().regex(/^\w{1,100}$/);
const Dispute = z.object({ paymentIntentId: Id, inquiry: z.boolean().optional() });
const Confirm = z.object({ paymentIntentId: Id, paymentMethod: Id });
const End = z.object({ status: z.string().max(50) });
const Said = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

const readBody = <T>({ body }: RouteRequest, form: z.ZodType<T>, example: string): T => {
  const given = z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'no JSON' });
        return z.NEVER;
      }
    })
    .pipe(form)
    .safeParse(body.toString('utf8'));
  if (!given.success) throw new BadUserInputError(`Send JSON such as ${example}.`);
  return given.data;
};

/** Doors by which a page tries out what happens: faults, disputes, test cards. They exist in an embedded run alone. */
export const createTryingBench = ({ stripeUrl, secretKey, authenticate }: Parts): Routes => {
  const ask = async (method: string, path: string, init: RequestInit = {}): Promise<unknown> => {
    if (stripeUrl === undefined) throw new BadUserInputError('This needs a server that runs with the sandbox.');
    const headers = { authorization: `Bearer ${secretKey}`, ...init.headers };
    const response = await fetch(`${stripeUrl}${path}`, { ...init, method, headers });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    const { data } = Said.safeParse(answer);
    const words = typeof data?.error === 'string' ? data.error : data?.error.message;
    throw new BadUserInputError(words ?? `The sandbox answered ${response.status}.`);
  };
  const control = (method: string, path: string, body?: unknown): Promise<unknown> =>
    ask(method, `/_sandbox${path}`, {
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const known =
    (work: (request: RouteRequest) => Promise<unknown>): Route =>
    async (request) => {
      await authenticate(request);
      return json(200, await work(request));
    };

  return {
    'GET /demo/clock': known(() => control('GET', '/clock')),
    'GET /demo/faults': known(() => control('GET', '/faults')),
    'POST /demo/faults': known((request) =>
      control(
        'POST',
        '/faults',
        readBody(request, z.record(z.string(), z.unknown()), '{"kind": "status", "times": 1}'),
      ),
    ),
    'DELETE /demo/faults': known(() => control('DELETE', '/faults')),
    'POST /demo/disputes': known((request) => {
      const { paymentIntentId, inquiry = false } = readBody(request, Dispute, '{"paymentIntentId": "pi_…"}');
      return control('POST', '/disputes', { payment_intent: paymentIntentId, inquiry });
    }),
    'POST /demo/disputes/:id/close': known((request) => {
      const id = Id.safeParse(request.params['id']);
      const { status } = readBody(request, End, '{"status": "won"}');
      if (!id.success) throw new BadUserInputError('There is no such dispute.');
      return control('POST', `/disputes/${id.data}/close`, { status });
    }),
    'POST /demo/confirm': known((request) => {
      const example = '{"paymentIntentId": "pi_…", "paymentMethod": "pm_card_visa"}';
      const { paymentIntentId, paymentMethod } = readBody(request, Confirm, example);
      const body = new URLSearchParams({ payment_method: paymentMethod, return_url: 'https://shop.example/' });
      return ask('POST', `/v1/payment_intents/${paymentIntentId}/confirm`, { body });
    }),
  };
};
