import type { MinorUnits } from '../core/money.js';
import type { PaymentStatus, RecurringStatus, RefundStatus } from '../core/states.js';
import type { Dispute } from '../nouns/disputes/row.js';
import type { DisputeStatus } from '../nouns/disputes/states.js';
import type { Payment } from '../nouns/payments/row.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { Refund } from '../nouns/refunds/row.js';
import type { Tx } from '../storage/database.js';
import { addJobs, collectEffects, type EffectCause, type Effects, type FlowEffects, type JobSpec } from './effects.js';
import type { FlowRefund, FlowRefundRequest, ReserveFlowRefund } from './flow-refunds.js';
import type { PaymentRequestFlow } from './payment-request.js';
import { withoutComments } from './statement-text.js';

/** What a flow may do with the database: plain statements inside the running transaction. */
export interface FlowDatabase {
  /**
   * Runs one statement in the transaction of the change; whole-number columns come as numbers. Transaction control
   * (COMMIT, ROLLBACK, …) and any use after the flow has settled are refused.
   */
  query<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Where a flow writes its log lines: they are printed once its transaction has committed, and never where it is rolled back. */
export interface FlowLog {
  info(detail: object, message?: string): void;
  warn(detail: object, message?: string): void;
}

/** What every flow receives besides its input. */
export interface FlowContext {
  readonly db: FlowDatabase;
  /** Mails, calls and all else outside of the database, queued in the transaction. */
  readonly effects: FlowEffects;
  readonly log: FlowLog;
  /**
   * Gives money of a payment of this order back: reserved in the transaction of the change, made at Stripe after its commit, as any
   * refund. In callbacks alone: a later charge that is about to be made has no payment yet.
   *
   * @throws NotFoundError for a payment of another order, PaymentNotRefundableError, RefundExceedsPaymentError, PaymentDisputedError
   */
  refund(request: FlowRefundRequest): Promise<FlowRefund>;
}

/** Where a change came from: a webhook event, an object that we fetched, or the answer to our own call. */
export interface FlowBody {
  readonly source: 'EVENT' | 'FETCH' | 'API';
  /** The Stripe event, where one brought the change. */
  readonly event?: object;
  /** Stripe's object in the state that was applied. */
  readonly object: object;
}

/** The input of the payment callback. Amounts are minor units of `payment.currency`. */
export interface PaymentCallbackData {
  readonly orderId: string;
  readonly paymentStatus: PaymentStatus;
  /** True for a duplicate: this status had been applied before (only with `duplicates: 'deliver'`). */
  readonly callbackProcessed: boolean;
  readonly payment: Payment;
  /** Whether an invoice was settled, wholly or in part, without Stripe's money: out of band, from credit or by a discount. */
  readonly settledOutOfBand: boolean;
  /** The order's received money in this currency, this payment included, less confirmed refunds; exact under the order's lock. */
  readonly orderPaidAmount: number;
  /** The same, and what was settled for the order without Stripe's money. */
  readonly orderCoveredAmount: number;
  readonly previousStatus: PaymentStatus;
  readonly body: FlowBody;
}

/** The input of the refund callback. Amounts are minor units of `payment.currency`. */
export interface RefundCallbackData {
  readonly orderId: string;
  /** `REFUNDED`: the money went back. Otherwise (`FAILED`, `CANCELED`) it didn't, even if it was `REFUNDED` before. */
  readonly status: Extract<RefundStatus, 'REFUNDED' | 'FAILED' | 'CANCELED'>;
  /** True for a duplicate: this status had been applied before (only with `duplicates: 'deliver'`). */
  readonly callbackProcessed: boolean;
  readonly refund: Refund;
  /** The payment with this refund counted. */
  readonly payment: Payment;
  /** The order's received money in this currency less confirmed refunds, this one counted; exact under the order's lock. */
  readonly orderPaidAmount: number;
  /** The same, and what was settled for the order without Stripe's money. */
  readonly orderCoveredAmount: number;
  readonly previousStatus: RefundStatus | null;
  readonly body: FlowBody;
}

/** The input of the dispute callback. Amounts are minor units of `dispute.currency`. */
export interface DisputeCallbackData {
  readonly orderId: string;
  /** `WARNING_…`: an inquiry, no money was taken. `LOST`: the money is gone. `WON`: it came back. */
  readonly status: DisputeStatus;
  /** True for a duplicate: this status had been applied before (only with `duplicates: 'deliver'`). */
  readonly callbackProcessed: boolean;
  readonly dispute: Dispute;
  /** The payment with this dispute counted in `amountDisputed`. */
  readonly payment: Payment;
  /** The order's received money in this currency less confirmed refunds, whatever is disputed; exact under the order's lock. */
  readonly orderPaidAmount: number;
  /** The same, and what was settled for the order without Stripe's money. */
  readonly orderCoveredAmount: number;
  /** Null for a dispute that was just heard of. */
  readonly previousStatus: DisputeStatus | null;
  readonly body: FlowBody;
}

/** The input of the recurring payment callback: one started, changed status, or its cancellation was scheduled or withdrawn. */
export interface RecurringPaymentCallbackData {
  readonly recurringPayment: RecurringPayment;
  readonly previousStatus: RecurringStatus;
  readonly previousCancelAtPeriodEnd: boolean;
  /** True for a duplicate: this state had been applied before (only with `duplicates: 'deliver'`). */
  readonly callbackProcessed: boolean;
  readonly body: FlowBody;
}

/** One later charge of a recurring payment. Amounts are minor units of `currency`. */
export interface RecurringCharge {
  /** Stripe's invoice; a charge is made into an order once per invoice. */
  readonly invoiceId: string;
  readonly recurringPayment: RecurringPayment;
  /** The order that the recurring payment was started for. */
  readonly orderId: string;
  /** What the invoice comes to: before the decision for `amount`, what is collected for `createOrder`. */
  readonly amount: MinorUnits;
  readonly currency: string;
  /** The first amount. */
  readonly initialAmount: MinorUnits;
  /** What was agreed on last for a period, at the start or by a change: a lowered amount may not exceed it. */
  readonly agreedAmount: MinorUnits;
  /** The period that is paid for; null where the invoice names none. */
  readonly periodStart: Date | null;
  readonly periodEnd: Date | null;
  readonly body: FlowBody;
}

/** What becomes of each later charge. Both run inside a transaction, within their time limit; a throw is tried again. */
export interface RecurringChargeFlow {
  /**
   * Makes the new order and gives its id. Runs once per invoice, in the transaction that records the payment, when the
   * invoice is finalised; payment-callback runs for that payment afterwards.
   */
  createOrder(charge: RecurringCharge, context: FlowContext): Promise<string | number> | string | number;
  /**
   * Lowers a period's charge while its invoice is a draft; undefined leaves it alone. 0, or at least Stripe's smallest
   * charge, and at most the agreed amount: anything else is told to the operator and the invoice goes on unchanged.
   */
  amount?(charge: RecurringCharge, context: FlowContext): Promise<MinorUnits | undefined> | MinorUnits | undefined;
  /** How long each of them may take, as a callback flow's. */
  readonly limitMs?: number;
  /** What happens when the invoice was finalised before it could be lowered: nothing (default), or the difference is refunded. */
  readonly tooLate?: 'tell' | 'refund';
}

/** A callback flow. It runs inside the transaction of the change: a throw rolls the whole event back, to be retried. */
export interface Flow<Data> {
  /** What its refunds are reserved by; the server's, never the developer's. */
  readonly reserve?: ReserveFlowRefund;
  /** How long it may take, in milliseconds, from 100 to 7000; 5000 unless told. Longer, and its change is rolled back. */
  readonly limitMs?: number;
  /** `skip` (default): duplicates run nothing. `deliver`: they run with `callbackProcessed: true`. */
  readonly duplicates?: 'skip' | 'deliver';
  /**
   * `false`: it never shares its transaction with flows of other events. For what hides in SQL functions or triggers: session
   * settings, advisory and table locks, temporary tables, NOTIFY, or a look at what other orders have; see docs/flows.md.
   */
  readonly batch?: false;
  run(data: Data, context: FlowContext): Promise<void> | void;
}

/** The flows that the developer wrote. */
export interface Flows {
  /** Asked before a payment begins. */
  readonly paymentRequest: PaymentRequestFlow;
  readonly paymentCallback: Flow<PaymentCallbackData>;
  readonly refundCallback: Flow<RefundCallbackData>;
  readonly disputeCallback: Flow<DisputeCallbackData>;
  readonly recurringPaymentCallback: Flow<RecurringPaymentCallbackData>;
  readonly recurringCharge: RecurringChargeFlow;
  /** What they may add with `effects.add`, by name. */
  readonly effects: Effects;
}

/** The same flows for a rehearsal: callbacks do nothing; a later charge still makes its order, for its payment needs one. */
export const withoutCallbacks = (flows: Flows): Flows => ({
  ...flows,
  paymentRequest: { beforePay: () => undefined },
  paymentCallback: { run: () => undefined },
  refundCallback: { run: () => undefined },
  disputeCallback: { run: () => undefined },
  recurringPaymentCallback: { run: () => undefined },
  recurringCharge: { createOrder: flows.recurringCharge.createOrder.bind(flows.recurringCharge) },
});

/** A flow that takes longer is ended and its event rolled back. */
const LIMIT_MS = 5_000;
/** What a flow may ask for: longer, and others that wait for its order would give up (the database's lock timeout). */
const LIMITS_MS = { least: 100, most: 7_000 };

/** Why a flow can't have this time limit; undefined where it can. */
export const faultOfLimit = (limitMs: unknown): string | undefined => {
  const { least, most } = LIMITS_MS;
  if (limitMs === undefined || (Number.isInteger(limitMs) && Number(limitMs) >= least && Number(limitMs) <= most))
    return undefined;
  return `its limitMs is ${String(limitMs)}; a time limit is whole milliseconds from ${least} to ${most}`;
};
const TRANSACTION_CONTROL = /^(begin|start|commit|end|rollback|abort|savepoint|release|prepare|deallocate|discard)\b/i;

const guardDatabase = (tx: Tx, isSettled: () => boolean): FlowDatabase => ({
  async query<Row extends object>(text: string, values: readonly unknown[] = []) {
    if (isSettled()) throw new Error('The flow has ended: await every db.query inside it.');
    if (TRANSACTION_CONTROL.test(withoutComments(text)))
      throw new Error(
        "A flow runs inside the change's transaction and can't control it: remove BEGIN, COMMIT, ROLLBACK and SAVEPOINT.",
      );
    return tx.query<Row>({ text, values });
  },
});

/** A flow threw or took too long; its event is rolled back and tried again. */
export class FlowFailedError extends Error {
  constructor(
    readonly flow: string,
    options: { cause: unknown },
  ) {
    super(
      `The flow ${flow} failed: ${options.cause instanceof Error ? options.cause.message : String(options.cause)}`,
      options,
    );
    this.name = 'FlowFailedError';
  }
}

/** The order that a flow's data is about. */
const orderOf = (data: unknown): string | undefined => {
  const { orderId, recurringPayment } = data as { orderId?: string; recurringPayment?: { orderId: string } };
  return orderId ?? recurringPayment?.orderId;
};

/** What a flow's effects are found by. */
const causeOf = (flow: string, data: unknown): EffectCause => {
  const { payment, recurringPayment } = data as Partial<PaymentCallbackData & RecurringPaymentCallbackData>;
  if (payment) return { flow, nodeType: 'PAYMENT', nodeId: payment.id };
  return { flow, ...(recurringPayment && { nodeType: 'RECURRING_PAYMENT', nodeId: recurringPayment.id }) };
};

/** Log lines tell of what happened, so they wait for the commit; what was rolled back did not happen. */
const holdLines = (log: FlowLog, tx: Tx): FlowLog => ({
  info: (detail, message) => tx.afterCommit(() => log.info(detail, message)),
  warn: (detail, message) => tx.afterCommit(() => log.warn(detail, message)),
});

/**
 * Runs a flow to its end inside the transaction, within its time limit, and gives what it gave. Its effects are queued there, or
 * handed to `jobs` where the caller queues them.
 *
 * @throws FlowFailedError when it throws or takes longer; the caller's transaction must then roll back
 */
export const runFlow = async <Data, Result = void>(
  name: string,
  flow: {
    run(data: Data, context: FlowContext): Promise<Result> | Result;
    readonly reserve?: ReserveFlowRefund;
    readonly limitMs?: number | undefined;
  },
  data: Data,
  { tx, log, effects, jobs }: { tx: Tx; log: FlowLog; effects: Effects; jobs?: JobSpec[] },
): Promise<Result> => {
  let settled = false;
  const isSettled = (): boolean => settled;
  const collected = collectEffects(effects, causeOf(name, data), isSettled);
  const lines = holdLines(log, tx);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const { limitMs = LIMIT_MS } = flow;
    timer = setTimeout(() => reject(new Error(`it took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    const refund = async (request: FlowRefundRequest): Promise<FlowRefund> => {
      if (isSettled()) throw new Error('The flow has ended: await every refund inside it.');
      const orderId = orderOf(data);
      if (!flow.reserve || orderId === undefined) throw new Error('Only a callback of a payment can refund.');
      return flow.reserve(tx, orderId, request);
    };
    const context = { db: guardDatabase(tx, isSettled), effects: collected.context, log: lines, refund };
    const result = await Promise.race([flow.run(data, context), limit]);
    const added = collected.take();
    if (jobs) jobs.push(...added);
    else if (added.length > 0) tx.send(addJobs(added));
    return result;
  } catch (cause) {
    throw new FlowFailedError(name, { cause });
  } finally {
    settled = true;
    clearTimeout(timer);
  }
};
