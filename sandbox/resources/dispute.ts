import { invalidRequest } from '../errors.js';
import type { Kind, StripeObject } from '../kind.js';
import {
  anything,
  boolean,
  clearable,
  createdFilter,
  expandParam,
  hash,
  metadata,
  oneOf,
  pageParams,
  text,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { type BalanceTransaction, moveBalance } from './balance-transaction.js';
import { type Charge, charges } from './charge-row.js';

export interface Dispute extends StripeObject {
  readonly object: 'dispute';
  readonly amount: number;
  balance_transactions: BalanceTransaction[];
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly enhanced_eligibility_types: string[];
  evidence: Record<string, unknown>;
  evidence_details: {
    due_by: number | null;
    readonly enhanced_eligibility: object;
    has_evidence: boolean;
    past_due: boolean;
    submission_count: number;
    submission_method: string;
  };
  intended_submission_method: string | null;
  is_charge_refundable: boolean;
  readonly livemode: boolean;
  metadata: Record<string, string>;
  readonly network_reason_code: string | null;
  readonly payment_intent: string | null;
  readonly payment_method_details?: object;
  readonly reason: string;
  status:
    | 'lost'
    | 'needs_response'
    | 'prevented'
    | 'under_review'
    | 'warning_closed'
    | 'warning_needs_response'
    | 'warning_under_review'
    | 'won';
}
export const disputes: Kind<Dispute> = {
  table: 'dispute',
  indexes: ['charge', 'payment_intent'],
  expandable: { charge: 'charge', payment_intent: 'payment_intent' },
};

const TEXTS = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
] as const;

const FEE = 1_500;
const RESPONSE_SECONDS = 9 * 24 * 60 * 60;

export interface NewDispute {
  readonly reason: string;
  readonly isInquiry: boolean;
  /** Minor units; all that was captured unless given. */
  readonly amount?: number | undefined;
  readonly isChargeRefundable?: boolean | undefined;
}

const withdraw = (scope: Scope, dispute: Dispute): void => {
  dispute.balance_transactions = [
    moveBalance(scope, {
      type: 'adjustment',
      category: 'dispute',
      amount: -dispute.amount,
      fee: FEE,
      currency: dispute.currency,
      source: dispute.id,
      description: `Chargeback withdrawal for ${dispute.charge}`,
    }),
  ];
  scope.save(disputes, dispute);
  scope.emit('charge.dispute.funds_withdrawn', dispute);
};

/** The customer's bank takes the payment back, or asks (an inquiry, which moves no money) (Stripe: "How disputes work"). */
export const openDispute = (scope: Scope, charge: Charge, values: NewDispute): Dispute => {
  const { isInquiry: asks, reason, amount = charge.amount_captured - charge.amount_refunded } = values;
  if (charge.status !== 'succeeded' || !charge.captured)
    throw invalidRequest(`Charge ${charge.id} can't be disputed: it took no money.`);
  if (charge.disputed) throw invalidRequest(`Charge ${charge.id} is already disputed.`);
  const card: unknown = Reflect.get(charge.payment_method_details, 'card');
  const brand = typeof card === 'object' && card !== null ? String(Reflect.get(card, 'brand')) : undefined;
  const dispute = scope.save<Dispute>(disputes, {
    id: scope.newId('du'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: charge.id,
    created: scope.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { ...Object.fromEntries(TEXTS.map((name) => [name, null])), enhanced_evidence: {} },
    evidence_details: {
      due_by: scope.now() + RESPONSE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: values.isChargeRefundable ?? asks,
    livemode: scope.livemode,
    metadata: {},
    network_reason_code: brand ? '10.4' : null,
    payment_intent: charge.payment_intent,
    ...(brand
      ? {
          payment_method_details: {
            card: {
              brand,
              case_type: asks ? 'inquiry' : 'chargeback',
              network: brand,
              network_reason_code: '10.4',
            },
            type: 'card',
          },
        }
      : {}),
    reason,
    status: asks ? 'warning_needs_response' : 'needs_response',
  });
  const before = structuredClone(charge);
  charge.disputed = true;
  scope.save(charges, charge);
  scope.emit('charge.dispute.created', dispute);
  scope.emit('charge.updated', charge, before);
  if (!asks) withdraw(scope, dispute);
  return dispute;
};

const isOpen = ({ status }: Dispute): boolean => !['won', 'lost', 'prevented', 'warning_closed'].includes(status);
const isInquiry = ({ status }: Dispute): boolean => status.startsWith('warning_');

/** The bank takes the payment back after it had asked (Stripe: "How disputes work", inquiries). Throws for what is no open inquiry. */
export const escalateDispute = (scope: Scope, dispute: Dispute): Dispute => {
  if (!isOpen(dispute) || !isInquiry(dispute))
    throw invalidRequest(`This dispute is no open inquiry: it has a status of ${dispute.status}.`);
  const before = structuredClone(dispute);
  dispute.status = 'needs_response';
  dispute.is_charge_refundable = false;
  dispute.evidence_details.due_by = scope.now() + RESPONSE_SECONDS;
  const card: unknown = dispute.payment_method_details && Reflect.get(dispute.payment_method_details, 'card');
  if (typeof card === 'object' && card !== null) Reflect.set(card, 'case_type', 'chargeback');
  scope.save(disputes, dispute);
  scope.emit('charge.dispute.updated', dispute, before);
  withdraw(scope, dispute);
  return dispute;
};

/** How a dispute may end. */
export const DISPUTE_ENDS = ['won', 'lost', 'prevented'] as const;

/**
 * Ends a dispute; a won one gives the money back, an inquiry is lost only once the bank has taken it (Stripe: "How disputes
 * work"). Throws when it has ended.
 */
export const closeDispute = (scope: Scope, dispute: Dispute, status: (typeof DISPUTE_ENDS)[number]): Dispute => {
  if (!isOpen(dispute)) throw invalidRequest(`This dispute is already closed: it has a status of ${dispute.status}.`);
  if (isInquiry(dispute) && status === 'lost') escalateDispute(scope, dispute);
  const before = structuredClone(dispute);
  dispute.status = isInquiry(dispute) && status === 'won' ? 'warning_closed' : status;
  dispute.is_charge_refundable = dispute.status !== 'lost';
  if (dispute.status === 'won')
    dispute.balance_transactions = [
      ...dispute.balance_transactions,
      moveBalance(scope, {
        type: 'adjustment',
        category: 'dispute_reversal',
        amount: dispute.amount,
        fee: 0,
        currency: dispute.currency,
        source: dispute.id,
        description: `Chargeback reversal for ${dispute.charge}`,
      }),
    ];
  scope.save(disputes, dispute);
  scope.emit('charge.dispute.closed', dispute, before);
  if (dispute.status === 'won') scope.emit('charge.dispute.funds_reinstated', dispute);
  return dispute;
};

/** The open or last dispute of a charge. */
export const disputeOf = (scope: Scope, charge: string): Dispute | undefined =>
  scope.all(disputes, 'charge', charge)[0];

const submit = (scope: Scope, dispute: Dispute): void => {
  dispute.status = dispute.status === 'warning_needs_response' ? 'warning_under_review' : 'under_review';
  dispute.evidence_details.submission_count += 1;
  dispute.evidence_details.submission_method = 'manual';
  scope.save(disputes, dispute);
  const words = dispute.evidence['uncategorized_text'];
  if (words === 'winning_evidence' || words === 'losing_evidence') scope.schedule('dispute.decide', 1, dispute.id);
};

/** Disputes (Stripe: "The Dispute object", "Testing": winning_evidence and losing_evidence). The control API opens them. */
export const disputeResource: Resource = {
  kinds: [disputes],
  routes: [
    route({
      method: 'GET',
      path: '/v1/disputes',
      params: { ...pageParams, created: createdFilter, charge: text, payment_intent: text },
      handle: (scope, { params }) => {
        const { charge, payment_intent: intent } = params;
        const byIntent = intent === undefined ? undefined : { field: 'payment_intent' as const, value: intent };
        return scope.list(disputes, {
          url: '/v1/disputes',
          page: params,
          index: charge === undefined ? byIntent : { field: 'charge', value: charge },
          where: (dispute) => intent === undefined || dispute.payment_intent === intent,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/disputes/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(disputes, id),
    }),
    route({
      method: 'POST',
      path: '/v1/disputes/:id',
      params: {
        evidence: hash({
          ...Object.fromEntries(TEXTS.map((name) => [name, clearable(text)])),
          appeal: anything,
          enhanced_evidence: anything,
        }),
        intended_submission_method: oneOf('manual', 'prefer_manual', 'prefer_smart_disputes', 'smart_disputes'),
        metadata,
        submit: boolean,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const dispute = scope.get(disputes, id);
        const before = structuredClone(dispute);
        if (params.evidence) {
          if (!isOpen(dispute)) throw invalidRequest('This dispute is already closed.');
          dispute.evidence = { ...dispute.evidence, ...params.evidence };
          dispute.evidence_details.has_evidence = TEXTS.some((name) => dispute.evidence[name] !== null);
        }
        if (params.intended_submission_method) dispute.intended_submission_method = params.intended_submission_method;
        dispute.metadata = withMetadata(dispute.metadata, params.metadata);
        if (params.evidence && params.submit !== false) submit(scope, dispute);
        scope.save(disputes, dispute);
        scope.emit('charge.dispute.updated', dispute, before);
        return dispute;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/disputes/:id/close',
      params: expandParam,
      handle: (scope, { id }) => closeDispute(scope, scope.get(disputes, id), 'lost'),
    }),
  ],
  tasks: {
    'dispute.decide': {
      run: (scope, id) => {
        const dispute = scope.find(disputes, id);
        if (!dispute || !isOpen(dispute)) return;
        closeDispute(scope, dispute, dispute.evidence['uncategorized_text'] === 'winning_evidence' ? 'won' : 'lost');
      },
    },
  },
};
