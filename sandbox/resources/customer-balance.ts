import { minimumCharge } from '../currencies.js';
import { invalidRequest } from '../errors.js';
import type { Kind, StripeObject } from '../kind.js';
import { createdFilter, expandParam, integer, metadata, pageParams, required, text, withMetadata } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { type Customer, customers } from './customer-row.js';

/** A movement of a customer's invoice balance; negative amounts are credit (Stripe: "Customer invoice balance"). */
export interface BalanceMovement extends StripeObject {
  readonly object: 'customer_balance_transaction';
  readonly amount: number;
  readonly created: number;
  readonly credit_note: null;
  readonly currency: string;
  readonly customer: string;
  readonly description: string | null;
  readonly ending_balance: number;
  readonly invoice: string | null;
  readonly livemode: boolean;
  readonly metadata: Record<string, string>;
  readonly type: 'adjustment' | 'applied_to_invoice' | 'invoice_too_large' | 'invoice_too_small';
}
const balanceMovements: Kind<BalanceMovement> = {
  table: 'customer_balance_transaction',
  indexes: ['customer'],
  expandable: { customer: 'customer', invoice: 'invoice' },
};

/**
 * What an invoice of this total asks for when it meets a customer's balance (minor units, credit is negative): the
 * balance is applied first; what is negative stays as credit; what is below Stripe's smallest charge is carried over to
 * the next invoice (Stripe: "Customer invoice balance", "Invoices": amount_due).
 */
export const dueOf = (
  total: number,
  balance: number,
  currency: string,
): { amountDue: number; endingBalance: number } => {
  const open = total + balance;
  if (total >= 0 && open >= minimumCharge(currency)) return { amountDue: open, endingBalance: 0 };
  return { amountDue: 0, endingBalance: open };
};

/** Moves a customer's balance and tells of it; nothing happens for 0. */
export const moveCustomerBalance = (
  scope: Scope,
  customer: Customer,
  movement: Pick<BalanceMovement, 'amount' | 'currency' | 'type'> &
    Partial<Pick<BalanceMovement, 'invoice' | 'description' | 'metadata'>>,
): BalanceMovement | undefined => {
  if (movement.amount === 0) return undefined;
  const before = structuredClone(customer);
  customer.balance += movement.amount;
  customer.currency ??= movement.currency;
  scope.save(customers, customer);
  scope.emit('customer.updated', customer, before);
  return scope.save<BalanceMovement>(balanceMovements, {
    id: scope.newId('cbtxn'),
    object: 'customer_balance_transaction',
    amount: movement.amount,
    created: scope.now(),
    credit_note: null,
    currency: movement.currency,
    customer: customer.id,
    description: movement.description ?? null,
    ending_balance: customer.balance,
    invoice: movement.invoice ?? null,
    livemode: scope.livemode,
    metadata: movement.metadata ?? {},
    type: movement.type,
  });
};

/** Customers' invoice balances (Stripe: "Customer Balance Transactions"). */
export const customerBalanceResource: Resource = {
  kinds: [balanceMovements],
  routes: [
    route({
      method: 'GET',
      path: '/v1/customers/:id/balance_transactions',
      params: { ...pageParams, created: createdFilter, invoice: text },
      handle: (scope, { id, params }) =>
        scope.list(balanceMovements, {
          url: `/v1/customers/${scope.get(customers, id).id}/balance_transactions`,
          page: params,
          index: { field: 'customer', value: id },
          where: ({ invoice }) => params.invoice === undefined || invoice === params.invoice,
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/customers/:id/balance_transactions',
      params: {
        amount: required(integer()),
        currency: required(text),
        description: text,
        metadata,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const customer = scope.get(customers, id);
        const { amount, currency, description } = params;
        if (customer.currency !== null && customer.currency !== currency)
          throw invalidRequest(`This customer's balance is kept in ${customer.currency}.`, { param: 'currency' });
        const moved = moveCustomerBalance(scope, customer, {
          amount,
          currency,
          type: 'adjustment',
          description: description ?? null,
          metadata: withMetadata({}, params.metadata),
        });
        if (!moved) throw invalidRequest('amount must not be 0.', { param: 'amount' });
        return moved;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/customers/:customer/balance_transactions/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(balanceMovements, id),
    }),
  ],
};
