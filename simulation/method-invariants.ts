import type Stripe from 'stripe';
import { type Books, type Comparison, compare, type Invariant, type Violation } from './books.js';
import { PEOPLE } from './people.js';
import { Refused, type World } from './world.js';

interface Shown {
  readonly id: string;
  readonly isDefault: boolean;
}

const idOf = (object: string | { readonly id: string } | null | undefined): string | undefined =>
  typeof object === 'string' ? object : (object?.id ?? undefined);

/** The customers that were made for an account and weren't deleted. */
const customersOf = (account: string, { customers, installation }: Books): readonly Stripe.Customer[] =>
  customers.filter(
    ({ metadata, deleted }) =>
      !deleted && metadata['tollgate_account'] === account && metadata['tollgate_installation'] === installation,
  );

const wordsOf = (methods: readonly Shown[]): string =>
  methods
    .map(({ id, isDefault }) => `${id}${isDefault ? ' by default' : ''}`)
    .sort()
    .join(', ') || 'nothing';

const READ_TIMEOUT_MS = 30_000;
const ASKS = 10;

const keptOf = async (stripe: World['stripe'], customerId: string) =>
  (await stripe.customers.listPaymentMethods(customerId, { limit: 100 }, { timeout: READ_TIMEOUT_MS })).data;

/** On a busy machine Stripe may seem to be away even now: whoever wants to see the methods asks again. */
const askPatiently = async ({ ask }: World, ...question: Parameters<World['ask']>): Promise<Shown[]> => {
  for (let asked = 1; ; asked += 1)
    try {
      return await ask<Shown[]>(...question);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'STRIPE_UNAVAILABLE' || asked === ASKS) throw error;
    }
};

/** What an account is shown are the methods of its one customer, and so is what operators are shown of it. */
const checkShown = async (world: World, books: Books): Promise<Comparison> => {
  const { stripe } = world;
  const violations: Violation[] = [];
  let compared = 0;
  for (const account of PEOPLE) {
    const [customer, ...others] = customersOf(account, books);
    if (others.length > 0) violations.push(`account ${account} has ${others.length + 1} customers at Stripe`);
    const kept = customer ? await keptOf(stripe, customer.id) : [];
    const standard = idOf(customer?.invoice_settings.default_payment_method);
    const expected = wordsOf(kept.map(({ id }) => ({ id, isDefault: id === standard })));
    const query = 'query ($accountId: ID) { savedPaymentMethods(accountId: $accountId) { id isDefault } }';
    for (const [who, variables] of [[account, {}] as const, ['admin', { accountId: account }] as const]) {
      const shown = wordsOf(await askPatiently(world, who, query, variables));
      if (shown !== expected) violations.push(`of ${account}'s methods ${who} sees ${shown}; Stripe has ${expected}`);
    }
    compared += kept.length;
  }
  return { compared, violations };
};

/** Nothing is charged to a method once its removal was answered. */
const checkRemovals = ({ wallet }: World, { charges }: Books): Comparison =>
  compare(wallet.removals, ({ methodId, charges: before }) =>
    charges
      .filter(({ id, payment_method: method }) => method === methodId && !before.has(id))
      .map(({ id, status }) => `${id} (${status}) was charged to ${methodId}, which had been removed`),
  );

/** Each payment is charged to the customer of its own account alone, and to no method that another account keeps. */
const checkOwners = ({ wallet }: World, books: Books): Comparison => {
  const accounts = new Map(books.customers.map(({ id, metadata }) => [id, metadata['tollgate_account']]));
  const keepers = new Map(wallet.methods.map(({ id, account }) => [id, account as string]));
  const payments = new Map(books.payments.map((row) => [row.intentId, row]));
  const ours = books.charges.filter(({ payment_intent: intent }) => payments.has(idOf(intent) ?? null));
  const charged = compare(ours, ({ id, customer, payment_method: method, payment_intent: intent }) => {
    const account = payments.get(idOf(intent) ?? null)?.account ?? undefined;
    const payer = customer === null ? account : accounts.get(idOf(customer) ?? '');
    const keeper = method === null ? account : (keepers.get(method) ?? account);
    return payer === account && keeper === account
      ? []
      : [`${id} of ${account} was charged to the customer of ${payer}, and to what ${keeper} keeps`];
  });
  const asked = compare(wallet.trespasses, ({ orderId, methodId, end }) =>
    end === 'taken' ? [`order ${orderId} was paid with ${methodId}, which is another account's`] : [],
  );
  return {
    compared: charged.compared + asked.compared,
    violations: [...charged.violations, ...asked.violations],
  };
};

/** How often the payment of each invoice was tried with a method: once a key, whatever became of the answers. */
const triesIn = ({ requests }: Books): ReadonlyMap<string, number> => {
  const keys = new Map<string, Set<string>>();
  for (const { method, path, idempotencyKey, body } of requests) {
    const [, invoiceId] = /^\/v1\/invoices\/(\w+)\/pay$/.exec(path) ?? [];
    if (method !== 'POST' || invoiceId === undefined) continue;
    const words = `${invoiceId} with ${new URLSearchParams(body).get('payment_method')}`;
    keys.set(words, (keys.get(words) ?? new Set()).add(String(idempotencyKey)));
  }
  return new Map([...keys].map(([words, { size }]) => [words, size]));
};

/** A failed renewal that somebody put right is paid, was charged once, and was tried no more often than that was asked. */
const checkRightings = ({ wallet }: World, books: Books): Comparison => {
  const { payments, charges } = books;
  const tries = triesIn(books);
  return compare(wallet.rightings, ({ recurringId, methodId, isGood, paymentIds, ends }) => {
    const asked = wallet.rightings.filter((one) => one.recurringId === recurringId && one.methodId === methodId);
    const isDone = isGood && ends.includes('done');
    return payments
      .filter(({ id }) => paymentIds.includes(id))
      .flatMap(({ id, status, intentId, invoiceId }) => {
        const paid = charges.filter((charge) => charge.payment_intent === intentId && charge.status === 'succeeded');
        const tried = tries.get(`${invoiceId} with ${methodId}`) ?? 0;
        return [
          ...(isDone && (status === 'FAILED' || status === 'PENDING')
            ? [`payment ${id} is ${status}, although its renewal was put right with ${methodId}`]
            : []),
          ...(paid.length > 1 ? [`payment ${id} of a failed renewal was charged ${paid.length} times`] : []),
          ...(tried > asked.length
            ? [`payment ${id} was tried ${tried} times with ${methodId}, which was asked ${asked.length} times`]
            : []),
        ];
      });
  });
};

/** The promises about saved methods, by what a run's table calls them. */
export const METHOD_INVARIANTS = {
  "saved methods are those of the account's customer": checkShown,
  'a removed method is charged no more': checkRemovals,
  "nobody pays with another account's method": checkOwners,
  'a failed renewal is put right once': checkRightings,
} as const satisfies Readonly<Record<string, Invariant>>;
