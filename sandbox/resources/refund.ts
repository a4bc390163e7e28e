import { money } from '../currencies.js';
import { invalidRequest } from '../errors.js';
import {
  createdFilter,
  expandParam,
  integer,
  type MetadataChange,
  metadata,
  oneOf,
  pageParams,
  text,
  unsupported,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { SETTLE_SECONDS } from '../test-payment-methods.js';
import { moveBalance } from './balance-transaction.js';
import { type Charge, charges } from './charge-row.js';
import { disputeOf } from './dispute.js';
import { paymentIntents } from './payment-intent-row.js';
import { behaviourOf, paymentMethods } from './payment-method.js';
import { type Refund, refunds } from './refund-row.js';

export interface RefundValues {
  readonly amount?: number;
  readonly charge?: string;
  readonly payment_intent?: string;
  readonly metadata?: MetadataChange;
  readonly reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer';
}

const chargeToRefund = (scope: Scope, { charge, payment_intent: intent }: RefundValues): Charge => {
  if (charge !== undefined && intent !== undefined)
    throw invalidRequest('You may only specify one of these parameters: charge, payment_intent.', {
      code: 'parameters_exclusive',
    });
  if (charge !== undefined) return scope.get(charges, charge, 'charge');
  if (intent === undefined)
    throw invalidRequest('One of the following params should be provided for this request: payment_intent or charge.', {
      code: 'parameter_missing',
    });
  const { latest_charge: latest, status } = scope.get(paymentIntents, intent, 'payment_intent');
  if (latest === null || status !== 'succeeded')
    throw invalidRequest(`This PaymentIntent (${intent}) does not have a successful charge to refund.`, {
      param: 'payment_intent',
      code: 'charge_not_refundable',
    });
  return scope.get(charges, latest);
};

/** The amount to refund, in minor units; throws what Stripe says to a refund that can't be (Stripe: "Refund and cancel payments"). */
const refundable = (scope: Scope, charge: Charge, wanted: number | undefined): number => {
  if (charge.status !== 'succeeded' || !charge.captured)
    throw invalidRequest(`Charge ${charge.id} has not been captured and can't be refunded.`, {
      code: 'charge_not_refundable',
    });
  const dispute = charge.disputed ? disputeOf(scope, charge.id) : undefined;
  if (dispute && !dispute.is_charge_refundable)
    throw invalidRequest(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    });
  const left = charge.amount_captured - charge.amount_refunded;
  if (left <= 0)
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  const amount = wanted ?? left;
  if (amount > left) {
    const whole = charge.amount_refunded === 0 ? 'charge amount' : 'unrefunded amount on charge';
    throw invalidRequest(
      `Refund amount (${money(amount, charge.currency)}) is greater than ${whole} (${money(left, charge.currency)})`,
      { param: 'amount' },
    );
  }
  return amount;
};

const isCard = (charge: Charge): boolean => Reflect.get(charge.payment_method_details, 'type') === 'card';

const cardDestination = (status: 'pending' | 'available'): object => ({
  card: {
    ...(status === 'available' ? { reference: '3143124681235612' } : {}),
    reference_status: status,
    reference_type: 'acquirer_reference_number',
    type: 'refund',
  },
  type: 'card',
});

const changeRefunded = (scope: Scope, charge: Charge, by: number): void => {
  const before = structuredClone(charge);
  charge.amount_refunded += by;
  charge.refunded = charge.amount_refunded === charge.amount_captured;
  scope.save(charges, charge);
  if (by > 0) scope.emit('charge.refunded', charge, before);
};

const change = (scope: Scope, refund: Refund, apply: () => void, alsoFailed = false): void => {
  const before = structuredClone(refund);
  apply();
  scope.save(refunds, refund);
  scope.emit('refund.updated', refund, before);
  scope.emit('charge.refund.updated', refund, before);
  if (alsoFailed) scope.emit('refund.failed', refund, before);
};

/** Gives money back; the charge counts it at once (Stripe: "Refund and cancel payments", "Refunds" in "Testing"). */
const createRefund = (scope: Scope, values: RefundValues): Refund => {
  const charge = chargeToRefund(scope, values);
  const amount = refundable(scope, charge, values.amount);
  const behaviour = behaviourOf(scope, scope.get(paymentMethods, charge.payment_method));
  const isPending = behaviour.refund === 'pending' || !isCard(charge);
  const id = scope.newId(isCard(charge) ? 're' : 'pyr');
  const balance = moveBalance(scope, {
    type: 'refund',
    amount: -amount,
    fee: 0,
    currency: charge.currency,
    source: id,
  });
  const refund = scope.save<Refund>(refunds, {
    id,
    object: 'refund',
    amount,
    balance_transaction: balance.id,
    charge: charge.id,
    created: scope.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    ...(isCard(charge) ? { destination_details: cardDestination('pending') } : {}),
    metadata: withMetadata({}, values.metadata),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(isPending ? { pending_reason: 'processing' as const } : {}),
    reason: values.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: isPending ? 'pending' : 'succeeded',
    transfer_reversal: null,
  });
  scope.emit('refund.created', refund);
  changeRefunded(scope, charge, amount);
  if (isPending) scope.schedule('refund.succeed', SETTLE_SECONDS, id);
  if (behaviour.refund === 'fails') scope.schedule('refund.fail', SETTLE_SECONDS, id);
  if (!isPending && isCard(charge)) scope.schedule('refund.reference', 1, id);
  return refund;
};

/** A pending refund reaches the customer. Does nothing to one that isn't pending. */
export const succeedRefund = (scope: Scope, id: string): void => {
  const refund = scope.find(refunds, id);
  if (refund?.status !== 'pending' && refund?.status !== 'requires_action') return;
  const charge = scope.get(charges, refund.charge);
  change(scope, refund, () => {
    refund.status = 'succeeded';
    delete refund.pending_reason;
    if (isCard(charge)) refund.destination_details = cardDestination('available');
  });
};

const giveBack = (scope: Scope, refund: Refund): void => {
  changeRefunded(scope, scope.get(charges, refund.charge), -refund.amount);
  const { id } = moveBalance(scope, {
    type: 'refund_failure',
    amount: refund.amount,
    fee: 0,
    currency: refund.currency,
    source: refund.id,
  });
  refund.failure_balance_transaction = id;
};

/** The bank sends the money back, even after success (Stripe: "Failed refunds"). Does nothing to one that has ended badly. */
export const failRefund = (scope: Scope, id: string): void => {
  const refund = scope.find(refunds, id);
  if (!refund || refund.status === 'failed' || refund.status === 'canceled') return;
  change(
    scope,
    refund,
    () => {
      refund.status = 'failed';
      refund.failure_reason = 'expired_or_canceled_card';
      delete refund.pending_reason;
      giveBack(scope, refund);
    },
    true,
  );
};

const cancelRefund = (scope: Scope, refund: Refund): Refund => {
  if (refund.status !== 'requires_action' && refund.status !== 'pending')
    throw invalidRequest(
      `You cannot cancel this refund because it has a status of ${refund.status}. Only refunds that require action can be canceled.`,
    );
  change(scope, refund, () => {
    refund.status = 'canceled';
    delete refund.pending_reason;
    giveBack(scope, refund);
  });
  return refund;
};

const addReference = (scope: Scope, id: string): void => {
  const refund = scope.find(refunds, id);
  if (refund?.status !== 'succeeded') return;
  change(scope, refund, () => {
    refund.destination_details = cardDestination('available');
  });
};

/** Refunds (Stripe: "The Refund object"). */
export const refundResource: Resource = {
  kinds: [refunds],
  routes: [
    route({
      method: 'POST',
      path: '/v1/refunds',
      params: {
        amount: integer(1),
        charge: text,
        payment_intent: text,
        metadata,
        reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
        currency: unsupported('refunds of customer balances'),
        customer: unsupported('refunds of customer balances'),
        origin: unsupported('refunds of customer balances'),
        instructions_email: text,
        refund_application_fee: unsupported('Connect'),
        reverse_transfer: unsupported('Connect'),
        ...expandParam,
      },
      handle: (scope, { params }) => createRefund(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/refunds',
      params: { ...pageParams, created: createdFilter, charge: text, payment_intent: text },
      handle: (scope, { params }) => {
        const { charge, payment_intent: intent } = params;
        if (charge !== undefined) scope.get(charges, charge, 'charge');
        const byIntent = intent === undefined ? undefined : { field: 'payment_intent' as const, value: intent };
        return scope.list(refunds, {
          url: '/v1/refunds',
          page: params,
          index: charge === undefined ? byIntent : { field: 'charge', value: charge },
          where: (refund) => intent === undefined || refund.payment_intent === intent,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/refunds/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(refunds, id),
    }),
    route({
      method: 'POST',
      path: '/v1/refunds/:id',
      params: { metadata, ...expandParam },
      handle: (scope, { id, params }) => {
        const refund = scope.get(refunds, id);
        change(scope, refund, () => {
          refund.metadata = withMetadata(refund.metadata, params.metadata);
        });
        return refund;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/refunds/:id/cancel',
      params: expandParam,
      handle: (scope, { id }) => cancelRefund(scope, scope.get(refunds, id)),
    }),
  ],
  tasks: {
    'refund.succeed': { run: succeedRefund },
    'refund.fail': { run: failRefund },
    'refund.reference': { run: addReference },
  },
};
