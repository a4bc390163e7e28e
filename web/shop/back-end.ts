import { createTokens, TollgateError } from 'tollgate-client';

/** The two accounts of the demo. */
export type Account = 'demo-customer' | 'demo-admin';

/** An order as the shop's own table holds it; `status` is what the shop's callback flow wrote. */
export interface Order {
  readonly id: string;
  readonly accountId: string;
  readonly description: string | null;
  /** In the currency's smallest unit. */
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
}

/** What the shop sells by the month. */
export interface Price {
  readonly id: string;
  readonly name: string;
  readonly amount: number;
  readonly currency: string;
  readonly interval: string;
}

/** Where the page finds Stripe, and what it sells by the month; both null with Stripe itself. */
export interface Config {
  readonly stripeUrl: string | null;
  readonly price: Price | null;
}

/** How many pieces the shop has left of what can sell out, by the product's name. */
export type Stock = Readonly<Record<string, number>>;

/** A new order; `product`: what it takes from the shelf, null for what never sells out. */
export type NewOrder = Pick<Order, 'amount' | 'currency' | 'description'> & { readonly product: string | null };

/** The shop's own back end: it knows its accounts and orders, and nothing of payments. */
export interface BackEnd {
  config(): Promise<Config>;
  /** The newest first; of everyone for the admin. */
  orders(): Promise<readonly Order[]>;
  order(id: string): Promise<Order | undefined>;
  stock(): Promise<Stock>;
  createOrder(order: NewOrder): Promise<string>;
  /** Moves the sandbox's clock; resolves when all that was due has happened. */
  skipDays(days: number): Promise<void>;
}

/** A fresh token of an account; a real shop gives it to whoever is logged in. */
export const fetchToken = async (account: Account): Promise<string> =>
  (await answerOf<{ token: string }>(fetch(`demo/token?account=${account}`))).token;

/** Talks to the shop's own back end as one account. */
export const createBackEnd = (account: Account): BackEnd => {
  const tokens = createTokens(() => fetchToken(account));
  const ask = async <Data>(path: string, body?: object): Promise<Data> => {
    const headers = { authorization: `Bearer ${await tokens.current()}` };
    return answerOf<Data>(fetch(path, body ? { method: 'POST', body: JSON.stringify(body), headers } : { headers }));
  };
  return {
    config: () => ask('demo/config'),
    orders: async () => (await ask<{ orders: readonly Order[] }>('demo/orders')).orders,
    order: async (id) =>
      (await ask<{ orders: readonly Order[] }>(`demo/orders?id=${encodeURIComponent(id)}`)).orders[0],
    stock: async () => {
      const { stock } = await ask<{ stock: readonly { product: string; pieces: number }[] }>('demo/stock');
      return Object.fromEntries(stock.map(({ product, pieces }) => [product, pieces]));
    },
    createOrder: async ({ product, ...order }) =>
      (await ask<{ id: string }>('demo/orders', product === null ? order : { ...order, product })).id,
    skipDays: async (days) => {
      await ask('demo/clock', { advanceSeconds: days * 86_400 });
    },
  };
};

const answerOf = async <Data>(asked: Promise<Response>): Promise<Data> => {
  const response = await asked;
  const answer: unknown = await response.json();
  if (response.ok) return answer as Data;
  const { error } = answer as { error?: { code?: string; message?: string } };
  throw new TollgateError(error?.code ?? 'INTERNAL', error?.message ?? 'The shop did not answer as it should.');
};
