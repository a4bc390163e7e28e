import { z } from 'zod';
import { BadUserInputError, DomainError, type ErrorCode, NotFoundError, UnauthenticatedError } from '../core/errors.js';
import { assertChargeable, findCurrency, parseMinorUnits } from '../core/money.js';
import { isNodeId } from '../core/node-id.js';
import { signToken, type TokenVerifier } from '../graphql/token.js';
import { json } from '../http/reply.js';
import type { Route, RouteRequest, Routes } from '../http/routes.js';
import type { Database } from '../storage/database.js';
import { createDemoSandbox } from './demo-sandbox.js';
import { createGraphiqlPage } from './graphiql-page.js';
import { createTryingBench } from './trying-bench.js';

const ACCOUNTS = ['demo-customer', 'demo-admin'];
const TOKEN_SECONDS = 24 * 3600;
const STATUS: Partial<Record<ErrorCode, number>> = { UNAUTHENTICATED: 401, NOT_FOUND: 404 };

const NewOrder = z.object({
  amount: z.union([z.number(), z.string()]),
  currency: z.string(),
  description: z.string().max(500).optional(),
  /** What it takes from the shelf; left out, nothing. */
  product: z.string().max(200).optional(),
});

const readJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
};

/** Answers a refusal in words, with its code. */
const guarded =
  (route: Route): Route =>
  async (request) => {
    try {
      return await route(request);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return json(STATUS[error.code] ?? 400, { error: { code: error.code, message: error.message } });
    }
  };

/** What the embedded run adds to the product: tokens for two accounts, and orders in the sample table. */
export const createDemoDoor = ({
  database,
  tokens,
  jwt,
  stripe,
}: {
  database: Database;
  tokens: TokenVerifier;
  /** `url`: a Stripe-compatible server in Stripe's place, if any. */
  stripe: { readonly url: string | undefined; readonly secretKey: string | undefined };
  jwt: { readonly secret: string; readonly issuer: string | undefined; readonly audience: string | undefined };
}): Routes => {
  const accountOf = async ({ headers }: RouteRequest): Promise<string> => {
    const [, token] = /^bearer +(\S+)$/i.exec(String(headers['authorization'] ?? '')) ?? [];
    if (token === undefined)
      throw new UnauthenticatedError(
        'Send "authorization: Bearer …" with a token of /demo/token?account=demo-customer.',
      );
    return (await tokens.verify(token)).accountId;
  };

  const tokenOf = (accountId: string): Promise<string> => {
    const { secret, issuer, audience } = jwt;
    const claims = { accountId, expiresInSeconds: TOKEN_SECONDS, ...(issuer !== undefined && { issuer }) };
    return signToken(secret, { ...claims, ...(audience !== undefined && { audience }) });
  };

  const giveToken: Route = async ({ query }) => {
    const accountId = query.get('account') ?? '';
    if (!ACCOUNTS.includes(accountId))
      throw new BadUserInputError(`Name a demo account: ?account=${ACCOUNTS.join(' or ?account=')}.`);
    return json(200, { token: await tokenOf(accountId) });
  };

  const createOrder: Route = async (request) => {
    const accountId = await accountOf(request);
    const order = NewOrder.safeParse(readJson(request.body));
    if (!order.success)
      throw new BadUserInputError('Send JSON such as {"amount": 10000, "currency": "USD", "description": "a mug"}.');
    const currency = findCurrency(order.data.currency);
    const amount = parseMinorUnits(order.data.amount);
    assertChargeable(amount, currency);
    const [row] = await database.query<{ id: string }>({
      text: `insert into public.shop_order (account_id, amount, currency, description, product)
        values ($1, $2, $3, $4, $5) returning id::text as "id"`,
      values: [accountId, amount, currency.code, order.data.description ?? null, order.data.product ?? null],
    });
    return json(201, { id: row?.id });
  };

  const findOrder: Route = async ({ params }) => {
    const id = params['id'] ?? '';
    const [row] = isNodeId(id)
      ? await database.query({
          text: `select id::text as "id", status from public.shop_order where id = $1`,
          values: [id],
        })
      : [];
    if (!row) throw new NotFoundError('order', id);
    return json(200, row);
  };

  /** The newest orders of the caller, of everyone for the admin; with `?id=` the one. */
  const listOrders: Route = async (request) => {
    const accountId = await accountOf(request);
    const id = request.query.get('id');
    const orders = await database.query({
      text: `select id::text as "id", account_id as "accountId", description, amount::float8 as "amount", currency, status
        from public.shop_order
        where ($1 = 'demo-admin' or account_id = $1) and ($2::bigint is null or id = $2)
        order by public.shop_order.id desc limit 50`,
      values: [accountId, isNodeId(id ?? '') ? id : null],
    });
    return json(200, { orders });
  };

  /** How many pieces are left of what can sell out. */
  const listStock: Route = async () =>
    json(200, {
      stock: await database.query({ text: 'select product, pieces from public.shop_stock order by product' }),
    });

  const sandbox = createDemoSandbox({ stripeUrl: stripe.url, secretKey: stripe.secretKey, authenticate: accountOf });
  const bench = createTryingBench({ stripeUrl: stripe.url, secretKey: stripe.secretKey, authenticate: accountOf });
  return {
    ...Object.fromEntries(Object.entries({ ...sandbox, ...bench }).map(([door, route]) => [door, guarded(route)])),
    'GET /graphiql': createGraphiqlPage(() => tokenOf('demo-admin')),
    'GET /demo/token': guarded(giveToken),
    'POST /demo/orders': guarded(createOrder),
    'GET /demo/orders': guarded(listOrders),
    'GET /demo/orders/:id': guarded(findOrder),
    'GET /demo/stock': guarded(listStock),
  };
};
