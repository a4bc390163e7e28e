import { z } from 'zod';
import { BadUserInputError } from '../core/errors.js';
import { json } from '../http/reply.js';
import type { Route, RouteRequest, Routes } from '../http/routes.js';

/** What the demo shop sells by the month; the sandbox gets it once. */
const DEMO_PRICE = {
  name: 'Coffee club',
  unit_amount: '1500',
  currency: 'usd',
  lookup_key: 'demo_coffee_club',
} as const;

const Price = z.object({ id: z.string(), unit_amount: z.number(), currency: z.string() });
const Prices = z.object({ data: z.array(Price) });

const Step = z.object({ advanceSeconds: z.number().int().positive() });

/** Doors of the demo shop that need the sandbox: where it is, what it sells by the month, and its clock. */
export const createDemoSandbox = ({
  stripeUrl,
  secretKey,
  authenticate,
}: {
  /** A Stripe-compatible server that takes test keys; undefined: Stripe itself, which has no clock to move. */
  readonly stripeUrl: string | undefined;
  readonly secretKey: string | undefined;
  /** Throws where the caller has no token of this server: another site's page must not move the clock. */
  readonly authenticate: (request: RouteRequest) => Promise<unknown>;
}): Routes => {
  const ask = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const headers = { authorization: `Bearer ${secretKey}`, ...init.headers };
    const response = await fetch(`${stripeUrl}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };

  /** Twice, also at the same time, makes one price: the lookup key belongs to one only. */
  const findPrice = async (): Promise<z.infer<typeof Price>> => {
    const { name, ...price } = DEMO_PRICE;
    const lookup = async () =>
      Prices.parse(await ask(`/v1/prices?lookup_keys[0]=${price.lookup_key}&active=true`)).data[0];
    const found = await lookup();
    if (found) return found;
    const body = new URLSearchParams({ ...price, 'product_data[name]': name, 'recurring[interval]': 'month' });
    const made = ask('/v1/prices', { method: 'POST', body, headers: { 'idempotency-key': price.lookup_key } });
    return made.then(
      (answer) => Price.parse(answer),
      async (error: unknown) => {
        const other = await lookup();
        if (!other) throw error;
        return other;
      },
    );
  };

  const giveConfig: Route = async () => {
    if (stripeUrl === undefined) return json(200, { stripeUrl: null, price: null });
    const { id, unit_amount: amount, currency } = await findPrice();
    return json(200, {
      stripeUrl,
      price: { id, amount, currency: currency.toUpperCase(), name: DEMO_PRICE.name, interval: 'month' },
    });
  };

  const moveClock: Route = async (request) => {
    await authenticate(request);
    const step = Step.safeParse(JSON.parse(request.body.toString('utf8')));
    if (!step.success || stripeUrl === undefined)
      throw new BadUserInputError('Send {"advanceSeconds": 86400} to a server that runs with the sandbox.');
    const headers = { 'content-type': 'application/json' };
    return json(200, await ask('/_sandbox/clock', { method: 'POST', body: JSON.stringify(step.data), headers }));
  };

  return { 'GET /demo/config': giveConfig, 'POST /demo/clock': moveClock };
};
