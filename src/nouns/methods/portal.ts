import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Caller } from '../../core/caller.js';
import { UnauthenticatedError } from '../../core/errors.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeAccess, StripeConnection } from '../../installation/stripe-connection.js';
import { NotAnAnswerError } from '../../stripe/answer.js';
import { refusalOf } from '../../stripe/refusal.js';
import { parse, shapes } from '../../stripe/shape.js';
import type { Customers } from '../customers/customers.js';
import { isDeletedCustomer } from '../customers/deleted.js';

/** Which page of the portal comes first. */
export const PORTAL_FLOWS = ['OVERVIEW', 'PAYMENT_METHOD_UPDATE'] as const;

/** What a client asks for with `openCustomerPortal`. */
export interface PortalRequest {
  readonly returnUrl: string;
  readonly flow: (typeof PORTAL_FLOWS)[number];
}

interface Parts {
  readonly connection: StripeConnection;
  readonly customers: Customers;
  readonly redirects: Redirects;
}

const SESSION = z.object({
  id: shapes.id,
  customer: shapes.id,
  url: z.url({ protocol: /^https?$/ }),
  livemode: z.boolean(),
});

const open = async (
  { customers }: Parts,
  { accountId, returnUrl, flow }: PortalRequest & { readonly accountId: string },
  access: StripeAccess,
): Promise<string> => {
  const customerId = await customers.ensure(accountId, access);
  const { object } = await access.gateway.createPortalSession({
    customerId,
    returnUrl,
    isMethodUpdate: flow === 'PAYMENT_METHOD_UPDATE',
    idempotencyKey: `tg:${randomUUID()}`,
  });
  const { id, customer, url, livemode } = parse(SESSION, 'portal session', object);
  // Whoever has the address acts for the customer.
  if (customer !== customerId || livemode !== access.livemode)
    throw new NotAnAnswerError(`the portal session ${id} of another customer`);
  return url;
};

/**
 * Builds `openCustomerPortal`: the address of Stripe's portal for the caller's own customer, who is made where there is none. Each call
 * gives an address of its own; nothing is kept.
 */
export const createPortal =
  (parts: Parts) =>
  async (request: PortalRequest, caller: Caller): Promise<string> => {
    const { accountId } = caller;
    if (accountId === null) throw new UnauthenticatedError('The portal is an account’s: send a token.');
    const asked = { ...request, accountId, returnUrl: parts.redirects.checkOne('returnUrl', request.returnUrl) };
    const access = await parts.connection.access();
    try {
      return await open(parts, asked, access).catch(async (error: unknown) => {
        if (!isDeletedCustomer(error)) throw error;
        const gone = await parts.customers.find(accountId, access);
        if (gone !== undefined && !(await parts.customers.forgetGone(gone, access))) throw error;
        return open(parts, asked, access);
      });
    } catch (error) {
      throw refusalOf(error);
    }
  };
