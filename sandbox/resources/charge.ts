import type { Decline } from '../declines.js';
import { type ApiError, invalidRequest } from '../errors.js';
import {
  anything,
  clearable,
  createdFilter,
  expandParam,
  fullShipping,
  hash,
  integer,
  metadata,
  oneOf,
  pageParams,
  shipping,
  text,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { cardFee, moveBalance } from './balance-transaction.js';
import { type Charge, charges } from './charge-row.js';
import { customers } from './customer-row.js';
import { type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import type { PaymentMethod } from './payment-method.js';

const cardDetails = (
  intent: PaymentIntent,
  method: PaymentMethod,
  isAuthenticated: boolean,
  authorised: number | null,
) => {
  const { card } = method;
  if (!card) throw new Error(`${method.id} is no card`);
  return {
    amount_authorized: authorised,
    authorization_code: authorised === null ? null : '123456',
    brand: card.brand,
    checks: { ...card.checks, cvc_check: card.checks.cvc_check === null ? null : 'pass' },
    country: card.country,
    electronic_commerce_indicator: isAuthenticated ? '05' : null,
    exp_month: card.exp_month,
    exp_year: card.exp_year,
    extended_authorization: { status: 'disabled' },
    fingerprint: card.fingerprint,
    funding: card.funding,
    incremental_authorization: { status: 'unavailable' },
    installments: null,
    last4: card.last4,
    mandate: null,
    multicapture: { status: 'unavailable' },
    network: card.brand,
    network_token: { used: false },
    network_transaction_id: authorised === null ? null : '104102978678771',
    overcapture: { maximum_amount_capturable: intent.amount, status: 'unavailable' },
    regulated_status: 'unregulated',
    three_d_secure: isAuthenticated
      ? {
          authentication_flow: 'challenge',
          electronic_commerce_indicator: '05',
          exemption_indicator: null,
          result: 'authenticated',
          result_reason: null,
          transaction_id: '9a2ab4ba-1f3f-4b1e-8a5e-1c4bb2b1d6a9',
          version: '2.2.0',
        }
      : null,
    transaction_link_id: null,
    wallet: null,
  };
};

const methodDetails = (
  intent: PaymentIntent,
  method: PaymentMethod,
  isAuthenticated: boolean,
  authorised: number | null,
): object => {
  const { type } = method;
  if (type === 'card') return { card: cardDetails(intent, method, isAuthenticated, authorised), type };
  if (type === 'us_bank_account')
    return {
      type,
      us_bank_account: {
        account_holder_type: 'individual',
        account_type: 'checking',
        bank_name: 'STRIPE TEST BANK',
        fingerprint: Reflect.get(method.us_bank_account ?? {}, 'fingerprint'),
        last4: Reflect.get(method.us_bank_account ?? {}, 'last4'),
        payment_reference: null,
        routing_number: '110000000',
      },
    };
  const { bank_code, branch_code, country, fingerprint, last4 } = Object.fromEntries(
    Object.entries(method.sepa_debit ?? {}),
  );
  return { sepa_debit: { bank_code, branch_code, country, fingerprint, last4, mandate: null }, type };
};

const approved = {
  advice_code: null,
  network_advice_code: null,
  network_decline_code: null,
  network_status: 'approved_by_network',
  reason: null,
  risk_level: 'normal',
  risk_score: 12,
  seller_message: 'Payment complete.',
  type: 'authorized',
};
const blocked = {
  advice_code: 'do_not_try_again',
  network_advice_code: null,
  network_decline_code: null,
  network_status: 'not_sent_to_network',
  reason: 'highest_risk_level',
  risk_level: 'highest',
  risk_score: 92,
  seller_message: 'Stripe blocked this payment as too risky.',
  type: 'blocked',
};
const refusedOutcome = ({ decline_code, advice_code }: Decline) => ({
  advice_code: advice_code ?? null,
  network_advice_code: null,
  network_decline_code: decline_code ? '05' : null,
  network_status: 'declined_by_network',
  reason: decline_code ?? null,
  risk_level: 'normal',
  risk_score: 12,
  seller_message: 'The bank did not return any further details with this decline.',
  type: 'issuer_declined',
});

/** What the bank, or Stripe's Radar before it, said (Stripe: "Declines"). */
const outcomeOf = (decline: Decline | undefined) => {
  if (!decline) return approved;
  return decline.isBlocked ? blocked : refusedOutcome(decline);
};

export interface ChargeResult {
  readonly status: 'succeeded' | 'pending' | 'failed';
  readonly captured: boolean;
  readonly decline?: Decline | undefined;
  readonly isAuthenticated: boolean;
}

/** Makes the charge of one attempt to pay (Stripe: "The Charge object"); emits nothing yet. */
export const newCharge = (scope: Scope, intent: PaymentIntent, method: PaymentMethod, result: ChargeResult): Charge => {
  const { status, captured, decline, isAuthenticated } = result;
  const hasFailed = status === 'failed';
  return scope.save<Charge>(charges, {
    id: scope.newId(method.type === 'card' ? 'ch' : 'py'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: hasFailed ? null : 'SANDBOX',
    captured,
    created: scope.now(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: scope.livemode,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: status === 'pending' ? { ...approved, type: 'authorized' } : outcomeOf(decline),
    paid: status === 'succeeded',
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: methodDetails(intent, method, isAuthenticated, hasFailed ? null : intent.amount),
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: hasFailed ? null : `${scope.baseUrl}/_sandbox/receipts/${intent.id}`,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status,
    transfer_data: null,
    transfer_group: intent.transfer_group,
  });
};

/** Books a captured charge's money; `charge.updated` tells the balance transaction (Stripe: "Asynchronous capture"). Books once. */
export const bookCharge = (scope: Scope, charge: Charge, isTold: boolean): void => {
  if (charge.balance_transaction !== null) return;
  const before = structuredClone(charge);
  charge.balance_transaction = moveBalance(scope, {
    type: charge.id.startsWith('py_') ? 'payment' : 'charge',
    category: 'charge',
    amount: charge.amount_captured,
    fee: cardFee(charge.amount_captured),
    currency: charge.currency,
    source: charge.id,
    description: charge.description,
  }).id;
  scope.save(charges, charge);
  if (isTold) scope.emit('charge.updated', charge, before);
};

/** Why a charge can't be captured by itself: here each is a payment intent's (Stripe: "Capture a charge", "Error codes": charge_*). */
const captureRefusal = (scope: Scope, { id, status, captured, payment_intent: intent }: Charge): ApiError => {
  if (status === 'failed') return invalidRequest(`Charge ${id} could not be captured because it failed.`);
  if (captured) return invalidRequest(`Charge ${id} has already been captured.`, { code: 'charge_already_captured' });
  if (intent !== null && scope.find(paymentIntents, intent)?.status === 'canceled')
    return invalidRequest(`Charge ${id} could not be captured because it has expired or has been released.`, {
      code: 'charge_expired_for_capture',
    });
  return invalidRequest(
    `This uncaptured Charge was created by a PaymentIntent (${intent}). You must capture the PaymentIntent instead. For more information, see https://stripe.com/docs/payments/payment-intents.`,
  );
};

/** Charges (Stripe: "The Charge object"). They are made by payment intents only. */
export const chargeResource: Resource = {
  kinds: [charges],
  routes: [
    route({
      method: 'GET',
      path: '/v1/charges',
      params: { ...pageParams, created: createdFilter, customer: text, payment_intent: text, transfer_group: text },
      handle: (scope, { params }) => {
        const { customer, payment_intent: intent, transfer_group: group } = params;
        const index =
          intent !== undefined
            ? { field: 'payment_intent' as const, value: intent }
            : customer !== undefined
              ? { field: 'customer' as const, value: customer }
              : undefined;
        return scope.list(charges, {
          url: '/v1/charges',
          page: params,
          index,
          where: (charge) =>
            (customer === undefined || charge.customer === customer) &&
            (group === undefined || charge.transfer_group === group),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/charges/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(charges, id),
    }),
    route({
      method: 'POST',
      path: '/v1/charges/:id/capture',
      params: {
        amount: integer(1),
        application_fee: anything,
        application_fee_amount: anything,
        receipt_email: text,
        statement_descriptor: text,
        statement_descriptor_suffix: text,
        transfer_data: anything,
        transfer_group: text,
        ...expandParam,
      },
      handle: (scope, { id }) => {
        throw captureRefusal(scope, scope.get(charges, id));
      },
    }),
    route({
      method: 'POST',
      path: '/v1/charges/:id',
      params: {
        customer: text,
        description: clearable(text),
        fraud_details: hash({ user_report: clearable(oneOf('fraudulent', 'safe')) }),
        metadata,
        receipt_email: clearable(text),
        shipping,
        transfer_group: text,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const charge = scope.get(charges, id);
        const before = structuredClone(charge);
        if (params.customer !== undefined) charge.customer = scope.get(customers, params.customer, 'customer').id;
        if (params.description !== undefined) charge.description = params.description;
        if (params.receipt_email !== undefined) charge.receipt_email = params.receipt_email;
        if (params.shipping !== undefined) charge.shipping = fullShipping(params.shipping);
        if (params.transfer_group !== undefined) charge.transfer_group = params.transfer_group;
        const report = params.fraud_details?.user_report;
        if (report !== undefined) charge.fraud_details = report === null ? {} : { user_report: report };
        charge.metadata = withMetadata(charge.metadata, params.metadata);
        scope.save(charges, charge);
        if (JSON.stringify(before) !== JSON.stringify(charge)) scope.emit('charge.updated', charge, before);
        return charge;
      },
    }),
  ],
};
