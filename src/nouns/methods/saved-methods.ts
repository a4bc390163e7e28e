import { randomUUID } from 'node:crypto';
import { actorOf, type Caller } from '../../core/caller.js';
import { denial, IllegalTransitionError, NotFoundError, PaymentMethodNotFoundError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import { assertReachable, type StripeAccess, type StripeConnection } from '../../installation/stripe-connection.js';
import { NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import { customerSnapshot, methodSnapshot } from '../../stripe/method-snapshot.js';
import { refusalOf } from '../../stripe/refusal.js';
import { idOf } from '../../stripe/translate.js';
import type { Methods, OwnedMethod, SavedMethod } from '../customers/methods.js';
import type { RecurringAttempts } from '../recurring/attempts.js';
import type { RecurringReads } from '../recurring/read.js';
import type { RecurringPayment } from '../recurring/row.js';
import type { OpenInvoices } from '../renewals/open-invoices.js';
import { findOwned } from './owned.js';

/** Which method later payments are to go to. */
export interface DefaultRequest {
  readonly id: string;
  /** Left out: those of the customer that have none of their own. */
  readonly recurringPaymentId?: string;
}

/** The saved methods of accounts. All throw StripeUnavailableError where Stripe doesn't answer. */
export interface SavedMethods {
  /** The caller's own unless an account is given; another's needs PAYMENT_MANAGE. */
  list(accountId: string | undefined, caller: Caller): Promise<SavedMethod[]>;
  /** Removes it, and gives what is left. Nothing can be charged to it any more. PAYMENT_METHOD_NOT_FOUND once it is gone. */
  remove(id: string, caller: Caller): Promise<SavedMethod[]>;
  /**
   * Lets later payments go to it. For a recurring payment whose renewal failed, its open invoices are paid with it at once, once; a decline is told
   * as STRIPE_DECLINED with the payment's id, and the method stays set.
   */
  setDefault(request: DefaultRequest, caller: Caller): Promise<SavedMethod[]>;
}

interface Parts {
  readonly connection: StripeConnection;
  readonly methods: Methods;
  readonly reads: Pick<RecurringReads, 'find'>;
  readonly attempts: Pick<RecurringAttempts, 'write' | 'refresh'>;
  readonly openInvoices: OpenInvoices;
}

/** A write that is harmless twice: whatever it answers, what Stripe has then decides. @throws StripeCallError */
const writeAndLook = async (write: (key: string) => Promise<boolean>, look: () => Promise<boolean>): Promise<void> => {
  try {
    // A key of its own, so that an older answer is never replayed; the client's own retries share it.
    if (await write(`tg:${randomUUID()}`)) return;
    throw new NotAnAnswerError('it is not as it was asked for');
  } catch (error) {
    if (!(error instanceof StripeCallError) || !(await look())) throw error;
  }
};

const detach = ({ method }: OwnedMethod, { gateway }: StripeAccess): Promise<void> => {
  const { methodId } = method;
  const isGone = (object: unknown): boolean => {
    const { methodId: id, customerId } = methodSnapshot(object);
    return id === methodId && customerId === null;
  };
  return writeAndLook(
    async (key) => isGone((await gateway.detachMethod(methodId, key)).object),
    async () => isGone((await gateway.retrieveMethod(methodId)).object),
  );
};

const setForCustomer = ({ method, customerId }: OwnedMethod, { gateway }: StripeAccess): Promise<void> => {
  const isSet = (object: unknown): boolean => {
    const snapshot = customerSnapshot(object);
    return snapshot.customerId === customerId && snapshot.defaultMethodId === method.methodId;
  };
  return writeAndLook(
    async (key) => isSet((await gateway.setDefaultMethod(customerId, method.methodId, key)).object),
    async () => isSet((await gateway.retrieveCustomer(customerId)).object),
  );
};

/** @throws NotFoundError, PaymentMethodNotFoundError for another account's, IllegalTransitionError once it has ended */
const findRecurring = async (
  { reads }: Parts,
  id: string,
  { owned, caller }: { readonly owned: OwnedMethod; readonly caller: Caller },
): Promise<RecurringPayment> => {
  const row = await reads.find(id, caller);
  if (!row) throw new NotFoundError('recurring payment', id);
  if (row.accountId !== owned.accountId) throw new PaymentMethodNotFoundError(owned.method.methodId);
  if (!isLive(row) || row.stripeSubscriptionId === null)
    throw new IllegalTransitionError(
      `Recurring payment ${id} is ${row.status}${isLive(row) ? ' and has not begun' : ''}: it has nothing to charge later.`,
    );
  return row;
};

const setForRecurring = async (
  parts: Parts,
  row: RecurringPayment,
  { owned, caller, access }: { owned: OwnedMethod; caller: Caller; access: StripeAccess },
): Promise<void> => {
  const { methodId } = owned.method;
  const who = { access, actor: actorOf(caller) };
  assertReachable('Recurring payment', row, access);
  const { recurringPayment: after } = await parts.attempts.write(row, {
    ...who,
    asks: null,
    holds: ({ default_payment_method: present }) => idOf(present) === methodId,
    write: ({ id, customer }, key) => {
      if (idOf(customer) !== owned.customerId) throw new PaymentMethodNotFoundError(methodId);
      return access.gateway.setSubscriptionMethod(id, methodId, key(`method:${methodId}`));
    },
  });
  if (!isLive(after)) return;
  const offSession = owned.accountId !== caller.accountId;
  await parts.openInvoices.pay(after, { methodId, offSession }, who);
  await parts.attempts.refresh(after, who);
};

/** Builds the calls over Stripe, which alone keeps the methods. */
export const createSavedMethods = (parts: Parts): SavedMethods => {
  const { connection, methods } = parts;

  const withRefusals = async <T>(work: (access: StripeAccess) => Promise<T>): Promise<T> => {
    const access = await connection.access();
    return work(access).catch((error: unknown) => {
      throw refusalOf(error);
    });
  };

  return {
    async list(given, caller) {
      const accountId = given ?? caller.accountId;
      if (accountId === null) return [];
      if (accountId !== caller.accountId && !caller.permissions.has('PAYMENT_MANAGE'))
        throw denial(caller, 'PAYMENT_MANAGE');
      return withRefusals((access) => methods.list(accountId, access));
    },

    remove: (id, caller) =>
      withRefusals(async (access) => {
        const owned = await findOwned(methods, id, { caller, access });
        await detach(owned, access);
        return methods.list(owned.accountId, access);
      }),

    setDefault: ({ id, recurringPaymentId }, caller) =>
      withRefusals(async (access) => {
        const owned = await findOwned(methods, id, { caller, access });
        if (recurringPaymentId === undefined) await setForCustomer(owned, access);
        else {
          const row = await findRecurring(parts, recurringPaymentId, { owned, caller });
          await setForRecurring(parts, row, { owned, caller, access });
        }
        return methods.list(owned.accountId, access);
      }),
  };
};
