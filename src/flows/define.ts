import { type MinorUnits, toMajorUnits as writeMajorUnits } from '../core/money.js';
import { FLOWS_API } from './api-version.js';
import type { Effect, EffectContext, FlowEffects } from './effects.js';
import type { FlowRefund, FlowRefundRequest } from './flow-refunds.js';
import type {
  DisputeCallbackData,
  Flow,
  FlowBody,
  FlowContext,
  FlowDatabase,
  FlowLog,
  PaymentCallbackData,
  RecurringCharge,
  RecurringChargeFlow,
  RecurringPaymentCallbackData,
  RefundCallbackData,
} from './flows.js';
import type { PaymentRequestContext, PaymentRequestData, PaymentRequestFlow } from './payment-request.js';

export type {
  DisputeCallbackData,
  EffectContext,
  FlowBody,
  FlowContext,
  FlowDatabase,
  FlowEffects,
  FlowLog,
  FlowRefund,
  FlowRefundRequest,
  PaymentCallbackData,
  PaymentRequestContext,
  PaymentRequestData,
  RecurringCharge,
  RecurringPaymentCallbackData,
  RefundCallbackData,
};

/** The version of this API; see docs/upgrading.md. */
export const flowsApi: number = FLOWS_API;

/**
 * Writes an amount of minor units in the currency's own unit, exact, for a `numeric` column: 1050 USD is "10.50", 1050 JPY is
 * "1050".
 */
export const toMajorUnits = (amount: MinorUnits, currency: string): string => writeMajorUnits(amount, currency);

/**
 * Declares what is asked before a payment begins: `beforePay` runs under the order's lock, in the transaction that reserves the
 * payment, before Stripe is called. `decline(code, message)` answers DECLINED_BY_APP and leaves nothing written.
 */
export const definePaymentRequest = (flow: PaymentRequestFlow): PaymentRequestFlow => flow;

/**
 * Declares the payment callback: it runs once per applied version of a payment whose status moved, inside the
 * transaction of that change. A throw, or more than five seconds, rolls the change back and the event is tried again.
 * With `duplicates: 'deliver'` it also runs for repeated events, with `callbackProcessed: true`.
 */
export const definePaymentCallback = (flow: Flow<PaymentCallbackData>): Flow<PaymentCallbackData> => flow;

/**
 * Declares the refund callback: it runs once each time a refund ends (REFUNDED, FAILED or CANCELED), inside the transaction
 * of that change; a refund may fail after it was REFUNDED. A refund that only waits runs nothing. A throw, or more than
 * five seconds, rolls the change back and it is tried again.
 */
export const defineRefundCallback = (flow: Flow<RefundCallbackData>): Flow<RefundCallbackData> => flow;

/**
 * Declares the dispute callback: it runs once each time a dispute of a payment begins or changes its status, inquiries
 * included, inside the transaction of that change. A throw, or more than five seconds, rolls the change back and it is tried
 * again.
 */
export const defineDisputeCallback = (flow: Flow<DisputeCallbackData>): Flow<DisputeCallbackData> => flow;

/**
 * Declares the recurring payment callback: it runs once per applied version of a recurring payment whose status, or
 * whose scheduled end, changed, inside the transaction of that change. A throw rolls it back and it is tried again.
 */
export const defineRecurringPaymentCallback = (
  flow: Flow<RecurringPaymentCallbackData>,
): Flow<RecurringPaymentCallbackData> => flow;

/**
 * Declares what becomes of each later charge: `createOrder` makes the new order, once per invoice of Stripe's, in the
 * transaction that records its payment; `amount` may lower a charge before it is made, never above the first amount.
 */
export const defineRecurringCharge = (flow: RecurringChargeFlow): RecurringChargeFlow => flow;

/** An effect whose payload has this form; a flow's `effects.add` takes any, so the two files agree between themselves. */
export interface EffectOf<Payload> extends Omit<Effect, 'run'> {
  run(payload: Payload, context: EffectContext): Promise<unknown> | unknown;
}

/**
 * Declares an effect: a mail, a call, anything outside of the database. It stands in a file of flows/effects and
 * has the file's name unless it is given one. A flow queues it with `effects.add(name, payload)`; it runs at least once
 * after that flow's change is committed, so hand `idempotencyKey` on to what you call. A throw, or more than `timeoutMs`
 * (30 s), is tried again, later each time; after `maxAttempts` (15) it is a dead letter: see "tollgate effects".
 */
export const defineEffect = <Payload>(effect: EffectOf<Payload>): EffectOf<Payload> => effect;
