import { DeclinedByAppError } from '../core/errors.js';
import type { Tx } from '../storage/database.js';
import { type FlowContext, type FlowLog, type Flows, runFlow } from './flows.js';

/** A payment that is about to begin, or to go on. The amount is in minor units. */
export interface PaymentRequestData {
  readonly orderId: string;
  readonly amount: number;
  /** Upper case. */
  readonly currency: string;
  /** Who is to pay: the order's owner, else the caller; null for nobody's order and a caller without a token. */
  readonly accountId: string | null;
  readonly mode: 'ELEMENTS' | 'CHECKOUT';
  /** Present where a recurring payment that goes on is to come to other terms; `amount` is what a period costs then. */
  readonly change?: RecurringChangeAsked;
}

/** New terms that are asked for. */
export interface RecurringChangeAsked {
  readonly recurringPaymentId: string;
  readonly priceId: string;
  readonly quantity: number;
  readonly at: 'NOW' | 'PERIOD_END';
  /** Minor units of a period by the present terms. */
  readonly previousAmount: number;
}

/** What `beforePay` receives besides its input. */
export interface PaymentRequestContext extends Pick<FlowContext, 'db' | 'log'> {
  /** Says no: the caller gets DECLINED_BY_APP with this code and message. It throws, so nothing after it runs. */
  decline(code: string, message: string): never;
}

/** The app's say before the money. */
export interface PaymentRequestFlow {
  /** How long it may take, as a callback flow's. */
  readonly limitMs?: number;
  /**
   * Runs under the order's lock, in the transaction that reserves the payment, before Stripe is called. A decline or a throw
   * leaves nothing written, its own statements included. It may run again for the same order: say the same of the same order.
   */
  beforePay(data: PaymentRequestData, context: PaymentRequestContext): Promise<void> | void;
}

/** Asks the app; the order's lock must be held. @throws DeclinedByAppError, FlowFailedError */
export type AskApp = (tx: Tx, data: PaymentRequestData) => Promise<void>;

const FLOW = 'payment-request';
const CODE = /^\w{1,64}$/;
const MESSAGE_LENGTH = 500;

/** Builds the question to the developer's flow. */
export const createAskApp =
  ({ paymentRequest, effects }: Pick<Flows, 'paymentRequest' | 'effects'>, log: FlowLog): AskApp =>
  async (tx, data) => {
    let declined: DeclinedByAppError | undefined;
    const decline = (code: string, message: string): never => {
      if (!CODE.test(code) || message.length > MESSAGE_LENGTH)
        throw new Error(
          `decline takes a code of letters, digits and _, and a message of ${MESSAGE_LENGTH} characters.`,
        );
      declined ??= new DeclinedByAppError(code, message);
      throw declined;
    };
    const run = (asked: PaymentRequestData, { db, log: lines }: FlowContext) =>
      paymentRequest.beforePay(asked, { db, log: lines, decline });
    const failure = await runFlow(FLOW, { run, limitMs: paymentRequest.limitMs }, data, { tx, log, effects }).then(
      () => undefined,
      (error: unknown) => error,
    );
    // It was declined, also where the flow caught that and went on.
    if (declined) throw declined;
    if (failure !== undefined) throw failure;
  };
