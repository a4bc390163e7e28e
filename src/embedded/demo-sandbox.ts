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
const NewDispute = z.object({ paymentIntent: z.string().regex(/^pi_\w+$/) });
/** What goes wrong with the next calls to Stripe, or the next events: what a person may want to see. */
const FAULTS = {
  unavailable: { kind: 'status', status: 500, times: 3, match: { method: 'POST' } },
  lost: { kind: 'disconnect-after-apply', times: 1, match: { method: 'POST' } },
  duplicate: { kind: 'duplicate', times: 5 },
  drop: { kind: 'drop', times: 1 },
} as const;
const NewFault = z.object({ fault: z.enum(['unavailable', 'lost', 'duplicate', 'drop']) });

/** Doors of the demo that need the sandbox: where it is, what the shop sells by the month, its clock, disputes and faults. */
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

  const control = (door: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    return ask(`/_sandbox/${door}`, { method: 'POST', body: JSON.stringify(body), headers });
  };

  /** A door that sets something off in the sandbox; what it was sent is checked first. */
  const controlDoor =
    <Body>(schema: z.ZodType<Body>, example: string, run: (body: Body) => Promise<unknown>): Route =>
    async (request) => {
      await authenticate(request);
      const body = schema.safeParse(readJson(request));
      if (!body.success || stripeUrl === undefined)
        throw new BadUserInputError(`Send ${example} to a server that runs with the sandbox.`);
      await run(body.data);
      return json(200, {});
    };

  return {
    'GET /demo/config': giveConfig,
    'POST /demo/clock': controlDoor(Step, '{"advanceSeconds": 86400}', (step) => control('clock', step)),
    'POST /demo/disputes': controlDoor(NewDispute, '{"paymentIntent": "pi_…"}', ({ paymentIntent }) =>
      control('disputes', { payment_intent: paymentIntent }),
    ),
    'POST /demo/faults': controlDoor(NewFault, '{"fault": "lost"}', ({ fault }) => control('faults', FAULTS[fault])),
  };
};

/** The body as JSON; undefined for one that is none. */
const readJson = ({ body }: RouteRequest): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
};
