import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import { isMarked, type Owner } from '../../stripe/metadata.js';
import type { MethodSetup } from './row.js';

/** What an object that saves a method shows of whose it is. */
interface Shown {
  readonly customerId: string | null;
  readonly livemode: boolean;
}

/**
 * Refuses a setup intent, or a page, that isn't the row's: it must carry its mark, be of its mode and made for its customer.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertSetupOf = (
  row: MethodSetup,
  owner: Owner,
  {
    object,
    shown,
  }: { readonly object: { id: string; metadata?: Record<string, string> | null }; readonly shown: Shown },
): void => {
  if (!isMarked(owner)({ metadata: object.metadata ?? {} })) throw new NotOursError(`the setup ${object.id}`);
  if (shown.livemode !== row.livemode) throw new NotAnAnswerError(`the setup ${object.id} of the other mode`);
  if (row.stripeCustomerId !== null && shown.customerId !== row.stripeCustomerId)
    throw new NotAnAnswerError(`the setup ${object.id} of another customer`);
};
