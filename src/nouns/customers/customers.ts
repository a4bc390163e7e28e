import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import { z } from 'zod';
import { createInFlight } from '../../core/in-flight.js';
import { searchSince } from '../../core/unix-time.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database, Queryable } from '../../storage/database.js';
import { selectList } from '../../storage/select-list.js';
import { isMissing, NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import { makeOnce } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import { isMarked, type Owner } from '../../stripe/metadata.js';
import { customerSnapshot } from '../../stripe/method-snapshot.js';
import { parse, shapes } from '../../stripe/shape.js';
import { StripeCustomer } from './row.js';

/** The Stripe customer of each account: one per account, mode and Stripe account, never matched by e-mail. */
export interface Customers {
  /** The account's customer, made where there is none; many at once, also in many processes, make one. */
  ensure(accountId: string, access: StripeAccess): Promise<string>;
  /** The account's customer as it is known; undefined where none was made. */
  find(accountId: string, access: StripeAccess): Promise<string | undefined>;
  /**
   * Forgets the customer where Stripe says so twice that it has deleted them, and whether it has: one answer alone may be wrong, and
   * what the customer has saved would be lost with them. Twice changes nothing.
   *
   * @throws StripeCallError
   */
  forgetGone(customerId: string, access: StripeAccess): Promise<boolean>;
  /** Stripe has deleted the customer: the next `ensure` makes a new one. Twice changes nothing. */
  forget(on: Queryable, customerId: string): Promise<void>;
}

const COLUMNS = selectList(StripeCustomer, 'c');
const CUSTOMER = z.object({ id: shapes.id, livemode: z.boolean(), metadata: shapes.metadata });

const scopeOf = (accountId: string, access: StripeAccess): [string, boolean, string] => [
  accountId,
  access.livemode,
  access.account,
];

/** Whether Stripe says twice that it has the customer no more. @throws StripeCallError */
const isGone = async (customerId: string, { gateway }: StripeAccess): Promise<boolean> => {
  for (let times = 1; times <= 2; times += 1)
    try {
      const { customerId: id, isDeleted } = customerSnapshot((await gateway.retrieveCustomer(customerId)).object);
      if (id !== customerId) throw new NotAnAnswerError(`the customer ${id} in place of ${customerId}`);
      if (!isDeleted) return false;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  return true;
};

export const createCustomers = ({ database, marks }: { database: Database; marks: Marks }): Customers => {
  const oneAtATime = createInFlight<string>();

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

  const nextAttempt = async (row: StripeCustomer, attempt: number): Promise<number> => {
    await database.query({
      text: `update tollgate.stripe_customer set attempt = attempt + 1, attempted_at = now()
        where account_id = $1 and livemode = $2 and stripe_account = $3 and attempt = $4`,
      values: [row.accountId, row.livemode, row.stripeAccount, attempt],
    });
    return attempt + 1;
  };

  const ownerOf = ({ accountId, livemode, stripeAccount }: StripeCustomer): Owner => {
    const scope = JSON.stringify([accountId, livemode, stripeAccount]);
    return marks.of('customer', createHash('sha256').update(scope).digest('hex').slice(0, 32));
  };

  const findOrCreate = async (row: StripeCustomer, { gateway }: StripeAccess, isFresh: boolean): Promise<string> => {
    const owner = ownerOf(row);
    const attemptedAt = row.attemptedAt ?? row.createdAt;
    const made = await makeOnce<Stripe.Customer>({
      owner,
      attempt: row.attempt,
      attemptedAt: isFresh ? undefined : attemptedAt,
      now: () => readClock(database),
      find: () => gateway.findCustomer(owner, searchSince(attemptedAt)),
      create: (key) => gateway.createCustomer({ owner, accountId: row.accountId, idempotencyKey: key }),
      assertOurs({ object }) {
        const { id, livemode } = parse(CUSTOMER, 'customer', object);
        if (!isMarked(owner)(object) || livemode !== row.livemode) throw new NotOursError(`the customer ${id}`);
      },
      nextAttempt: (from) => nextAttempt(row, from),
      spoil: (from) => nextAttempt(row, from),
    });
    return made.object.id;
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

  const forget = async (on: Queryable, customerId: string): Promise<void> => {
    await on.query({
      text: `update tollgate.stripe_customer set stripe_customer_id = null, attempt = attempt + 1, attempted_at = now()
        where stripe_customer_id = $1`,
      values: [customerId],
    });
  };

  return {
    ensure: (accountId, access) =>
      oneAtATime(JSON.stringify(scopeOf(accountId, access)), () => make(accountId, access)),

    async find(accountId, access) {
      const [row] = await database.query<{ id: string | null }>({
        text: `select stripe_customer_id as "id" from tollgate.stripe_customer
          where account_id = $1 and livemode = $2 and stripe_account = $3`,
        values: scopeOf(accountId, access),
      });
      return row?.id ?? undefined;
    },

    async forgetGone(customerId, access) {
      if (!(await isGone(customerId, access))) return false;
      await forget(database, customerId);
      return true;
    },

    forget,
  };
};
