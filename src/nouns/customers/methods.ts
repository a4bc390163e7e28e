import type { Caller } from '../../core/caller.js';
import { denial, PaymentMethodNotFoundError } from '../../core/errors.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { isMissing, NotAnAnswerError } from '../../stripe/answer.js';
import {
  type CustomerSnapshot,
  customerSnapshot,
  type MethodSnapshot,
  methodSnapshot,
} from '../../stripe/method-snapshot.js';
import type { Customers } from './customers.js';

/** A saved method, as its account may see it. */
export interface SavedMethod extends MethodSnapshot {
  /** Whether later payments of the customer go to it unless told otherwise. */
  readonly isDefault: boolean;
}

/** A saved method, and whose it is. */
export interface OwnedMethod {
  readonly method: MethodSnapshot;
  readonly accountId: string;
  readonly customerId: string;
}

/** What accounts keep at Stripe to pay with: read there, where people change it too. */
export interface Methods {
  /** The account's saved methods, newest first; none where it has no customer. @throws StripeCallError */
  list(accountId: string, access: StripeAccess): Promise<SavedMethod[]>;
  /** The saved method with this id, of an account of this installation; undefined for any other. @throws StripeCallError */
  find(id: string, access: StripeAccess): Promise<OwnedMethod | undefined>;
}

/** Which saved method somebody wants to charge, and whose it is; `method` undefined: nobody's. */
export interface AskedMethod {
  readonly id: string | undefined;
  readonly caller: Caller;
  readonly method: OwnedMethod | undefined;
}

/**
 * Refuses a saved method that isn't that of the account that is charged, and a caller who may not charge another's. Nothing is refused
 * where none is asked for.
 *
 * @throws PaymentMethodNotFoundError, ForbiddenError
 */
export const assertMethodOf = (accountId: string | null, { id, caller, method }: AskedMethod): void => {
  if (id === undefined) return;
  if (accountId !== caller.accountId && !caller.permissions.has('PAYMENT_MANAGE'))
    throw denial(caller, 'PAYMENT_MANAGE');
  if (accountId === null || method?.accountId !== accountId) throw new PaymentMethodNotFoundError(id);
};

/** Stripe's ids; what has another form is none, and isn't asked about. */
const METHOD_ID = /^(?:pm|card|src|ba)_\w{1,250}$/;

/** Builds the reads over the accounts' customers. */
export const createMethods = ({ database, customers }: { database: Database; customers: Customers }): Methods => {
  /** Undefined where the customer is gone, which the account then forgets. */
  const readDefault = async (customerId: string, access: StripeAccess): Promise<CustomerSnapshot | undefined> => {
    const answer = await access.gateway.retrieveCustomer(customerId).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    const snapshot = answer && customerSnapshot(answer.object);
    if (snapshot && snapshot.customerId !== customerId)
      throw new NotAnAnswerError(`a customer in place of ${customerId}`);
    if (snapshot && !snapshot.isDeleted) return snapshot;
    if (await customers.forgetGone(customerId, access)) return undefined;
    throw new NotAnAnswerError(`the customer ${customerId} as gone, who is there`);
  };

  return {
    async list(accountId, access) {
      const customerId = await customers.find(accountId, access);
      const standard = customerId === undefined ? undefined : await readDefault(customerId, access);
      if (customerId === undefined || standard === undefined) return [];
      const methods = (await access.gateway.listMethods(customerId)).map(methodSnapshot);
      const other = methods.find((method) => method.customerId !== customerId || method.livemode !== access.livemode);
      if (other) throw new NotAnAnswerError(`the method ${other.methodId} of another customer than ${customerId}`);
      return methods.map((method) => ({ ...method, isDefault: method.methodId === standard.defaultMethodId }));
    },

    async find(id, access) {
      if (!METHOD_ID.test(id)) return undefined;
      const answer = await access.gateway.retrieveMethod(id).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
      const method = answer && methodSnapshot(answer.object);
      if (!method || method.customerId === null) return undefined;
      if (method.methodId !== id || method.livemode !== access.livemode)
        throw new NotAnAnswerError(`the method ${method.methodId} in place of ${id}`);
      const [owner] = await database.query<{ accountId: string }>({
        name: 'customer_find_account',
        text: `select account_id as "accountId" from tollgate.stripe_customer
          where stripe_customer_id = $1 and livemode = $2 and stripe_account = $3`,
        values: [method.customerId, access.livemode, access.account],
      });
      return owner && { method, accountId: owner.accountId, customerId: method.customerId };
    },
  };
};
