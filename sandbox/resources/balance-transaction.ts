import type { Kind, StripeObject } from '../kind.js';
import { createdFilter, expandParam, pageParams, text } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';

export interface BalanceTransaction extends StripeObject {
  readonly object: 'balance_transaction';
  readonly amount: number;
  readonly available_on: number;
  readonly balance_type: 'payments';
  readonly created: number;
  readonly currency: string;
  readonly description: string | null;
  readonly exchange_rate: null;
  readonly fee: number;
  readonly fee_details: readonly object[];
  readonly net: number;
  readonly reporting_category: string;
  readonly source: string;
  readonly status: 'available' | 'pending';
  readonly type: 'charge' | 'payment' | 'refund' | 'refund_failure' | 'adjustment';
}
const balanceTransactions: Kind<BalanceTransaction> = {
  table: 'balance_transaction',
  noun: 'balance transaction',
  indexes: ['source'],
};

export interface Movement {
  readonly type: BalanceTransaction['type'];
  /** Minor units; negative when money leaves. */
  readonly amount: number;
  readonly fee: number;
  readonly currency: string;
  readonly source: string;
  readonly category?: string;
  readonly description?: string | null;
}

/** Stripe's card fee: 2.9 % and 30 minor units. */
export const cardFee = (amount: number): number => Math.round(amount * 0.029) + 30;

/** Records money that came or went (Stripe: "The Balance Transaction object"). */
export const moveBalance = (scope: Scope, { type, amount, fee, currency, source, category, description }: Movement) =>
  scope.save<BalanceTransaction>(balanceTransactions, {
    id: scope.newId('txn'),
    object: 'balance_transaction',
    amount,
    available_on: scope.now() + 2 * 24 * 60 * 60,
    balance_type: 'payments',
    created: scope.now(),
    currency,
    description: description ?? null,
    exchange_rate: null,
    fee,
    fee_details: fee
      ? [{ amount: fee, application: null, currency, description: 'Stripe processing fees', type: 'stripe_fee' }]
      : [],
    net: amount - fee,
    reporting_category: category ?? type,
    source,
    status: 'pending',
    type,
  });

/** Balance transactions (Stripe: "Retrieve a balance transaction", "List all balance transactions"). */
export const balanceTransactionResource: Resource = {
  kinds: [balanceTransactions],
  routes: [
    route({
      method: 'GET',
      path: '/v1/balance_transactions',
      params: { ...pageParams, created: createdFilter, currency: text, payout: text, source: text, type: text },
      handle: (scope, { params }) =>
        scope.list(balanceTransactions, {
          url: '/v1/balance_transactions',
          page: params,
          index: params.source === undefined ? undefined : { field: 'source', value: params.source },
          where: (row) =>
            params.payout === undefined &&
            (params.currency === undefined || row.currency === params.currency) &&
            (params.type === undefined || row.type === params.type),
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/balance_transactions/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(balanceTransactions, id),
    }),
  ],
};
