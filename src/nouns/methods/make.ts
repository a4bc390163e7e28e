import type Stripe from 'stripe';
import { searchSince } from '../../core/unix-time.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { type Answer, NotAnAnswerError } from '../../stripe/answer.js';
import { checkoutSnapshot } from '../../stripe/checkout-snapshot.js';
import { makeOnce, readKnown } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { Owner } from '../../stripe/metadata.js';
import { setupSnapshot } from '../../stripe/method-snapshot.js';
import type { Customers } from '../customers/customers.js';
import { isDeletedCustomer } from '../customers/deleted.js';
import { assertSetupOf } from './ours.js';
import type { MethodSetup } from './row.js';
import {
  findSetup,
  forgetSetupObject,
  writeNextSetupAttempt,
  writeNextSetupCustomer,
  writeSetupCustomer,
  writeSetupObject,
} from './rows.js';

/** What the browser needs to save a method; `isOpen`: whether the customer may still go on with it. */
export interface MadeSetup {
  readonly isOpen: boolean;
  readonly clientSecret?: string;
  readonly checkoutUrl?: string;
}

/** What making a setup needs. */
export interface SetupParts {
  readonly database: Database;
  readonly customers: Customers;
  readonly marks: Marks;
  readonly redirects: Redirects;
  readonly log: { warn(detail: object, message?: string): void };
}

/** The object at Stripe that a row stands for, and how it is understood. */
interface SetupObject<T> {
  retrieve(id: string): Promise<Answer<T>>;
  find(row: MethodSetup, owner: Owner): Promise<Answer<T> | undefined>;
  create(row: MethodSetup, owner: Owner, key: string): Promise<Answer<T>>;
  assertOurs(row: MethodSetup, owner: Owner, answer: Answer<T>): void;
  made(answer: Answer<T>): MadeSetup;
}

const customerOf = ({ id, stripeCustomerId }: MethodSetup): string => {
  if (stripeCustomerId === null) throw new Error(`Setup ${id} has no customer yet.`);
  return stripeCustomerId;
};

const intentObject = ({ gateway }: StripeAccess): SetupObject<Stripe.SetupIntent> => ({
  retrieve: gateway.retrieveSetup,
  find: (row, owner) => gateway.findSetup(owner, customerOf(row)),
  create: (row, owner, idempotencyKey) => gateway.createSetup({ owner, customerId: customerOf(row), idempotencyKey }),
  assertOurs: (row, owner, { object }) => assertSetupOf(row, owner, { object, shown: setupSnapshot(object) }),
  made({ object }) {
    const { isOpen, clientSecret } = setupSnapshot(object);
    if (isOpen && clientSecret === null) throw new NotAnAnswerError(`${object.id} without its client secret`);
    return { isOpen, ...(isOpen && clientSecret !== null && { clientSecret }) };
  },
});

const pageObject = (redirects: Redirects, { gateway }: StripeAccess): SetupObject<Stripe.Checkout.Session> => ({
  retrieve: gateway.retrieveCheckout,
  find: (row, owner) => gateway.findCheckout(owner, searchSince(row.createdAt)),
  create: (row, owner, idempotencyKey) =>
    gateway.createSetupCheckout({
      ...{ owner, customerId: customerOf(row), idempotencyKey },
      ...redirects.addressesOf(row, 'savedMethod'),
    }),
  assertOurs: (row, owner, { object, at }) =>
    assertSetupOf(row, owner, { object, shown: checkoutSnapshot(object, at) }),
  made({ object, at }) {
    const { isOpen, url } = checkoutSnapshot(object, at);
    return { isOpen: isOpen && url !== null, ...(isOpen && url !== null && { checkoutUrl: url }) };
  },
});

const makeFrom = <T>(
  { database, marks }: SetupParts,
  row: MethodSetup,
  { object, isFresh }: { readonly object: SetupObject<T>; readonly isFresh: boolean },
): Promise<Answer<T>> => {
  const owner = marks.of('setup', row.id);
  const nextAttempt = async (attempt: number): Promise<number> => {
    await database.query(writeNextSetupAttempt(row.id, attempt));
    return attempt + 1;
  };
  return makeOnce<T>({
    owner,
    attempt: row.attempt,
    attemptedAt: isFresh ? undefined : (row.attemptedAt ?? row.createdAt),
    now: () => readClock(database),
    find: () => object.find(row, owner),
    create: (key) => object.create(row, owner, key),
    assertOurs: (answer) => object.assertOurs(row, owner, answer),
    nextAttempt,
    spoil: nextAttempt,
  });
};

/** With the account's customer, who is made where there is none, and anew where Stripe has deleted them. */
const makeObject = async <T>(
  parts: SetupParts,
  known: MethodSetup,
  { object, access, isFresh }: { object: SetupObject<T>; access: StripeAccess; isFresh: boolean },
): Promise<Answer<T>> => {
  const { database, customers, log } = parts;
  const { id, accountId } = known;
  const [row = known] = await database.query<MethodSetup>(
    writeSetupCustomer(id, await customers.ensure(accountId, access)),
  );
  return makeFrom(parts, row, { object, isFresh }).catch(async (error: unknown) => {
    const gone = customerOf(row);
    if (!isDeletedCustomer(error)) throw error;
    const isKnown = (await customers.find(accountId, access)) === gone;
    if (isKnown && !(await customers.forgetGone(gone, access))) throw error;
    const customerId = await customers.ensure(accountId, access);
    await database.query(writeNextSetupCustomer(id, gone, customerId));
    log.warn({ accountId, gone, customerId }, 'a deleted customer was made anew');
    const [next] = await database.query<MethodSetup>(findSetup(id));
    return makeFrom(parts, next ?? row, { object, isFresh: false });
  });
};

const settleObject = async <T>(
  parts: SetupParts,
  row: MethodSetup,
  how: { object: SetupObject<T>; access: StripeAccess; isFresh: boolean },
): Promise<MadeSetup> => {
  const { database, marks } = parts;
  const { object } = how;
  const { stripeObjectId: id } = row;
  const owner = marks.of('setup', row.id);
  if (id === null) {
    const answer = await makeObject(parts, row, how);
    const { id: made } = answer.object as { id: string };
    const [kept] = await database.query<{ objectId: string }>(writeSetupObject(row.id, made));
    // Another process may have made it meanwhile: the row's own one counts, no other is ever handed out.
    if (kept && kept.objectId !== made) return settleObject(parts, { ...row, stripeObjectId: kept.objectId }, how);
    return object.made(answer);
  }
  const known = await readKnown(
    () => object.retrieve(id),
    (answer) => object.assertOurs(row, owner, answer),
  );
  if (known) return object.made(known);
  const [forgotten] = await database.query<MethodSetup>(forgetSetupObject(row.id, id));
  if (!forgotten) throw new Error(`Setup ${row.id} is gone, although nobody deletes it.`);
  return settleObject(parts, forgotten, { ...how, isFresh: false });
};

/**
 * Makes sure that the setup's object exists, once, however often it is called, and gives what the browser needs.
 *
 * @throws StripeCallError
 */
export const settleSetup = (
  parts: SetupParts,
  row: MethodSetup,
  { access, isFresh }: { readonly access: StripeAccess; readonly isFresh: boolean },
): Promise<MadeSetup> =>
  row.mode === 'CHECKOUT'
    ? settleObject(parts, row, { object: pageObject(parts.redirects, access), access, isFresh })
    : settleObject(parts, row, { object: intentObject(access), access, isFresh });
