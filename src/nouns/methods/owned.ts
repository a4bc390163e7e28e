import type { Caller } from '../../core/caller.js';
import { PaymentMethodNotFoundError } from '../../core/errors.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Methods, OwnedMethod } from '../customers/methods.js';

/**
 * The saved method with this id, which must be the caller's own, unless they manage everybody's.
 *
 * @throws PaymentMethodNotFoundError for any other, whatever its id; StripeCallError
 */
export const findOwned = async (
  methods: Methods,
  id: string,
  { caller, access }: { readonly caller: Caller; readonly access: StripeAccess },
): Promise<OwnedMethod> => {
  const owned = await methods.find(id, access);
  const isMine = owned !== undefined && owned.accountId === caller.accountId;
  if (!owned || !(isMine || caller.permissions.has('PAYMENT_MANAGE'))) throw new PaymentMethodNotFoundError(id);
  return owned;
};
