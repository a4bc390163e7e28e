import { NotAnAnswerError, NotOursError } from './answer.js';
import { isSameOwner, type Owner } from './metadata.js';

/** The fields by which a Stripe object shows its owner. */
interface Marked {
  readonly owner: Owner | undefined;
  readonly livemode: boolean;
}

/** Who the answer must be about: our row's mark and mode, and the object's id once the row knows it. */
interface Expected {
  readonly owner: Owner;
  readonly livemode: boolean;
  readonly knownId: string | null;
}

interface Money {
  readonly amount: number;
  readonly currency: string;
}

/**
 * Refuses an object that isn't the row's; `what` names its kind. An operator may take the metadata off an object whose id the
 * row knows: then the id says whose it is.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertWhose = (
  what: string,
  { id, owner, livemode }: Marked & { id: string },
  expected: Expected,
): void => {
  const { knownId } = expected;
  if (knownId !== null && id !== knownId) throw new NotAnAnswerError(`${what} ${id} in place of ${knownId}`);
  if (!(owner === undefined && knownId !== null) && !isSameOwner(owner, expected.owner))
    throw new NotOursError(`${what} ${id} isn't that of ${expected.owner.noun} ${expected.owner.id}`);
  if (livemode !== expected.livemode) throw new NotAnAnswerError(`${what} ${id} is of the other mode`);
};

/**
 * Refuses an object of other money than the row's.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertMoney = (what: string, found: Money, row: Money): void => {
  if (found.amount !== row.amount || found.currency !== row.currency)
    throw new NotAnAnswerError(
      `${what} of ${found.amount} ${found.currency} in place of ${row.amount} ${row.currency}`,
    );
};

/**
 * Refuses an object that was made for another customer than the row's.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertForCustomer = (what: string, found: string | null, expected: string | null): void => {
  if (expected !== null && found !== expected)
    throw new NotAnAnswerError(`${what} of the customer ${found ?? '(none)'} in place of ${expected}`);
};
