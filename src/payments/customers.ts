import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../storage/database.js';
import { selectList } from '../storage/select-list.js';
import { StripeCustomer } from '../storage/stripe-customer.js';
import { StripeCallError } from '../stripe/answer.js';
import { idempotencyKey, type Owner } from '../stripe/metadata.js';
import { inTurn, KEY_SAFE_MS } from './key-in-flight.js';
import type { StripeAccess } from './stripe-connection.js';

/** The Stripe customer of each account: one per account, mode and Stripe account, never matched by e-mail. */
export interface Customers {
  /** The account's customer, made where there is none; many at once, also in many processes, make one. */
  ensure(accountId: string, access: StripeAccess): Promise<string>;
  /** Stripe has deleted the customer: the next `ensure` makes a new one. Twice changes nothing. */
  forget(on: Queryable, customerId: string): Promise<void>;
}

const COLUMNS = selectList(StripeCustomer, 'c');
const HOUR_MS = 3_600_000;

const scopeOf = (accountId: string, access: StripeAccess): [string, boolean, string] => [
  accountId,
  access.livemode,
  access.account,
];

/** Builds the customers. */
export const createCustomers = ({
  database,
  installation,
}: {
  database: Database;
  /** This installation's id. */
  installation: () => string;
}): Customers => {
  const inFlight = new Map<string, Promise<string>>();

  /** The row, and whether no call can have been made for it yet. */
  const reserve = async (accountId: string, access: StripeAccess): Promise<{ row: StripeCustomer; fresh: boolean }> => {
    const values = scopeOf(accountId, access);
    const [made] = await database.query<StripeCustomer>({
      text: `insert into tollgate.stripe_customer as c (account_id, livemode, stripe_account, attempted_at)
        values ($1, $2, $3, now()) on conflict do nothing returning ${COLUMNS}`,
      values,
    });
    if (made) return { row: made, fresh: true };
    const [row] = await database.query<StripeCustomer>({
      text: `select ${COLUMNS} from tollgate.stripe_customer c
        where account_id = $1 and livemode = $2 and stripe_account = $3`,
      values,
    });
    if (!row) throw new Error('The row of a customer is gone, although nobody deletes it.');
    return { row, fresh: false };
  };

  const nextAttempt = async (row: StripeCustomer): Promise<StripeCustomer> => {
    const [next] = await database.query<StripeCustomer>({
      text: `update tollgate.stripe_customer c set attempt = attempt + 1, attempted_at = now()
        where account_id = $1 and livemode = $2 and stripe_account = $3 and attempt = $4 returning ${COLUMNS}`,
      values: [row.accountId, row.livemode, row.stripeAccount, row.attempt],
    });
    return next ?? row;
  };

  const ownerOf = (row: StripeCustomer): Owner => ({
    installation: installation(),
    noun: 'customer',
    id: createHash('sha256')
      .update(JSON.stringify([row.accountId, row.livemode, row.stripeAccount]))
      .digest('hex')
      .slice(0, 32),
  });

  const create = async (row: StripeCustomer, { gateway }: StripeAccess): Promise<string> => {
    const owner = ownerOf(row);
    const request = { owner, accountId: row.accountId, idempotencyKey: idempotencyKey(owner, row.attempt) };
    try {
      return (await inTurn(() => gateway.createCustomer(request))).object.id;
    } catch (error) {
      // Stripe would replay its 5xx to this key for a day; a customer that it made all the same is found by our mark.
      if (error instanceof StripeCallError && (error.status ?? 0) >= 500) await nextAttempt(row);
      throw error;
    }
  };

  const findOrCreate = async (row: StripeCustomer, access: StripeAccess, fresh: boolean): Promise<string> => {
    if (fresh) return create(row, access);
    const attemptedAt = row.attemptedAt ?? row.createdAt;
    const since = Math.floor((attemptedAt.getTime() - HOUR_MS) / 1000);
    const found = await access.gateway.findCustomer(ownerOf(row), since);
    if (found) return found.object.id;
    const keyIsSafe = Date.now() - attemptedAt.getTime() < KEY_SAFE_MS;
    return create(keyIsSafe ? row : await nextAttempt(row), access);
  };

  const make = async (accountId: string, access: StripeAccess): Promise<string> => {
    const { row, fresh } = await reserve(accountId, access);
    if (row.stripeCustomerId !== null) return row.stripeCustomerId;
    const customerId = await findOrCreate(row, access, fresh);
    const [kept] = await database.query<{ id: string }>({
      text: `update tollgate.stripe_customer set stripe_customer_id = coalesce(stripe_customer_id, $4)
        where account_id = $1 and livemode = $2 and stripe_account = $3 returning stripe_customer_id as "id"`,
      values: [...scopeOf(accountId, access), customerId],
    });
    return kept?.id ?? customerId;
  };

  return {
    ensure(accountId, access) {
      const key = JSON.stringify(scopeOf(accountId, access));
      const running = inFlight.get(key);
      if (running) return running;
      const started = make(accountId, access).finally(() => inFlight.delete(key));
      inFlight.set(key, started);
      return started;
    },

    async forget(on, customerId) {
      await on.query({
        text: `update tollgate.stripe_customer set stripe_customer_id = null, attempt = attempt + 1, attempted_at = now()
          where stripe_customer_id = $1`,
        values: [customerId],
      });
    },
  };
};
