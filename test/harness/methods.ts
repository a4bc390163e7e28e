import type Stripe from 'stripe';
import { ask } from './payments.js';
import type { As, Server, TestBed } from './tollgate.js';

const METHOD = 'id type brand last4 expMonth expYear isDefault createdAt';

/** A saved method as its account reads it. */
export interface Saved {
  readonly id: string;
  readonly type: string;
  readonly brand: string | null;
  readonly last4: string | null;
  readonly isDefault: boolean;
}

/** What `savePaymentMethod` gave. */
export interface Saving {
  readonly clientSecret: string | null;
  readonly clientSecretType: string | null;
  readonly checkoutUrl: string | null;
}

/** Who may charge others' methods. */
export const OPERATOR: As = { account: 'boss', roles: ['admin'] };

export const readMethods = (server: Server, as?: As, accountId?: string): Promise<Saved[]> =>
  ask(
    server,
    `query ($accountId: ID) { savedPaymentMethods(accountId: $accountId) { ${METHOD} } }`,
    accountId === undefined ? {} : { accountId },
    as,
  );

export const saveMethod = (server: Server, input: object = {}, as?: As): Promise<Saving> =>
  ask(
    server,
    `mutation ($input: SavePaymentMethodInput!) {
      savePaymentMethod(input: $input) { clientSecret clientSecretType checkoutUrl publishableKey } }`,
    { input },
    as,
  );

const change = async (
  server: Server,
  operation: 'removePaymentMethod' | 'setDefaultPaymentMethod',
  { input, as }: { input: object; as: As | undefined },
): Promise<Saved[]> => {
  const type = `${operation[0]?.toUpperCase()}${operation.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${operation}(input: $input) { paymentMethods { ${METHOD} } } }`;
  return (await ask<{ paymentMethods: Saved[] }>(server, query, { input }, as)).paymentMethods;
};

export const removeMethod = (server: Server, id: string, as?: As): Promise<Saved[]> =>
  change(server, 'removePaymentMethod', { input: { id }, as });

export const setDefault = (server: Server, input: object, as?: As): Promise<Saved[]> =>
  change(server, 'setDefaultPaymentMethod', { input, as });

/** The customer that was made for an account. */
export const customerOf = async (bed: TestBed, account: string): Promise<Stripe.Customer | undefined> =>
  (await bed.stripe.customers.list({ limit: 100 })).data.find(
    ({ metadata }) => metadata['tollgate_account'] === account,
  );

/** Saves a method through the API, as the account's browser would; gives its id. */
export const keepMethod = async (
  bed: TestBed,
  server: Server,
  { account, method = 'pm_card_visa' }: { account: string; method?: string },
): Promise<string> => {
  const { clientSecret } = await saveMethod(server, {}, { account });
  const id = clientSecret?.split('_secret_')[0] ?? '';
  const intent = await bed.stripe.setupIntents.confirm(id, {
    payment_method: method,
    return_url: 'https://shop.example/saved',
  });
  if (intent.status === 'requires_action')
    await fetch(`${bed.sandbox.url}/_sandbox/setup_intents/${id}/authenticate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ outcome: 'complete' }),
    });
  return String(intent.payment_method);
};

/** How often something was written to Stripe. */
export const countWrites = async (bed: TestBed, path: RegExp): Promise<number> => {
  const log = await (await fetch(`${bed.sandbox.url}/_sandbox/requests?limit=10000`)).json();
  return (log as { data: { method: string; path: string }[] }).data.filter(
    (call) => call.method === 'POST' && path.test(call.path),
  ).length;
};
