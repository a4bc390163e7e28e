import type { Tx } from '../../storage/database.js';

/** Whose customer it is to be. */
export interface CustomerScope {
  readonly accountId: string;
  readonly livemode: boolean;
  readonly stripeAccount: string;
}

/** Why a second customer's subscription isn't taken: its charges would go to methods that the account doesn't see. */
export const otherCustomer = (accountId: string, customerId: string | undefined): string =>
  `account ${accountId} has the customer ${customerId} already, and an account has one; Stripe goes on charging this one, without orders`;

/**
 * Binds a customer that Stripe has already to the account, unless either has another; says why not, or undefined where they belong
 * together now. The same twice changes nothing.
 */
export const adoptCustomer = async (
  tx: Tx,
  { accountId, livemode, stripeAccount }: CustomerScope,
  customerId: string,
): Promise<string | undefined> => {
  const [other] = await tx.query<{ accountId: string }>({
    text: 'select account_id as "accountId" from tollgate.stripe_customer where stripe_customer_id = $1',
    values: [customerId],
  });
  if (other) return other.accountId === accountId ? undefined : `its customer is that of account ${other.accountId}`;
  const [bound] = await tx.query<{ customerId: string }>({
    text: `insert into tollgate.stripe_customer as c (account_id, livemode, stripe_account, stripe_customer_id, attempted_at)
      values ($1, $2, $3, $4, now())
      on conflict (account_id, livemode, stripe_account) do update
        set stripe_customer_id = coalesce(c.stripe_customer_id, excluded.stripe_customer_id)
      returning c.stripe_customer_id as "customerId"`,
    values: [accountId, livemode, stripeAccount, customerId],
  });
  return bound?.customerId === customerId ? undefined : otherCustomer(accountId, bound?.customerId);
};
