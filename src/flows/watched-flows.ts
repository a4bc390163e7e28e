import { DeclinedByAppError } from '../core/errors.js';
import { traced } from '../core/trace.js';
import type { Mark, Watch } from '../core/work-board.js';
import type { Effect, Effects } from './effects.js';
import type { Flow, FlowBody, FlowContext, Flows, RecurringCharge } from './flows.js';
import type { FlowFreezes } from './freezes.js';
import type { PaymentRequestContext, PaymentRequestData } from './payment-request.js';

/** Is told of each run before it starts, and may refuse it. */
export interface FlowWatch {
  readonly watch: Watch;
  readonly freezes: Pick<FlowFreezes, 'assertMayRun'>;
  /** Hears how each run ended. */
  readonly ran: (sort: 'flow' | 'effect', name: string, failed: boolean, seconds: number) => void;
}

/** Runs it, and tells how long that took and whether it failed. */
const timed = async <T>(ran: (failed: boolean, seconds: number) => void, run: () => Promise<T> | T): Promise<T> => {
  const began = performance.now();
  const end = (failed: boolean): void => ran(failed, (performance.now() - began) / 1_000);
  try {
    const result = await run();
    end(false);
    return result;
  } catch (error) {
    end(!(error instanceof DeclinedByAppError));
    throw error;
  }
};

type Run<Data, Result, Context> = (data: Data, context: Context) => Promise<Result> | Result;

/** A flow waits for the database above all: what comes after an answer is its own code again. */
const resuming = <Context extends Pick<FlowContext, 'db'>>(context: Context, mark: Mark): Context => ({
  ...context,
  db: {
    async query<Row extends object>(text: string, values?: readonly unknown[]) {
      try {
        return await context.db.query<Row>(text, values);
      } finally {
        mark.resume();
      }
    },
  },
});

/** The event that caused the change; none for a run without one. */
const eventOf = (data: { readonly body?: FlowBody }): object | undefined => data.body?.event;

const watchRun =
  <Data extends object, Result, Context extends Pick<FlowContext, 'db'> = FlowContext>(
    { watch, freezes, ran }: FlowWatch,
    { name, orderOf, run }: { name: string; orderOf: (data: Data) => string; run: Run<Data, Result, Context> },
  ): ((data: Data, context: Context) => Promise<Result>) =>
  async (data, context) => {
    const subject = orderOf(data);
    freezes.assertMayRun('flow', name, subject);
    const mark = watch.begin({ sort: 'flow', name, subject, event: eventOf(data) });
    try {
      return await timed(
        (failed, seconds) => ran('flow', name, failed, seconds),
        () => traced(`flow ${name}`, {}, async () => run(data, resuming(context, mark))),
      );
    } finally {
      mark.end();
    }
  };

const watchFlow = <Data extends { readonly body: FlowBody }>(
  watch: FlowWatch,
  flow: Flow<Data>,
  name: string,
  orderOf: (data: Data) => string,
): Flow<Data> => ({
  ...(flow.limitMs !== undefined && { limitMs: flow.limitMs }),
  ...(flow.duplicates && { duplicates: flow.duplicates }),
  ...(flow.batch === false && { batch: false }),
  run: watchRun<Data, void>(watch, { name, orderOf, run: (data, context) => flow.run(data, context) }),
});

const watchEffect = ({ watch, freezes, ran }: FlowWatch, name: string, effect: Effect): Effect => ({
  ...effect,
  async run(payload, context) {
    const subject = context.idempotencyKey;
    freezes.assertMayRun('effect', name, subject);
    const mark = watch.begin({ sort: 'effect', name, subject });
    try {
      return await timed(
        (failed, seconds) => ran('effect', name, failed, seconds),
        () => effect.run(payload, context),
      );
    } finally {
      mark.end();
    }
  },
});

const watchEffects = (watch: FlowWatch, effects: Effects): Effects =>
  new Map([...effects].map(([name, effect]) => [name, watchEffect(watch, name, effect)]));

const orderOf = ({ orderId }: { readonly orderId: string }): string => orderId;

/** The same flows and effects: each run is noted down before it begins, and what held up the process twice is refused. */
export const watchFlows = (flows: Flows, watch: FlowWatch): Flows => {
  const { recurringCharge: charge } = flows;
  const { limitMs: asked } = flows.paymentRequest;
  const lower = charge.amount?.bind(charge);
  const name = 'recurring-charge';
  return {
    paymentRequest: {
      ...(asked !== undefined && { limitMs: asked }),
      beforePay: watchRun<PaymentRequestData, void, PaymentRequestContext>(watch, {
        name: 'payment-request',
        orderOf,
        run: (data, context) => flows.paymentRequest.beforePay(data, context),
      }),
    },
    paymentCallback: watchFlow(watch, flows.paymentCallback, 'payment-callback', orderOf),
    refundCallback: watchFlow(watch, flows.refundCallback, 'refund-callback', orderOf),
    disputeCallback: watchFlow(watch, flows.disputeCallback, 'dispute-callback', orderOf),
    recurringPaymentCallback: watchFlow(
      watch,
      flows.recurringPaymentCallback,
      'recurring-payment-callback',
      ({ recurringPayment }) => recurringPayment.orderId,
    ),
    recurringCharge: {
      ...(charge.limitMs !== undefined && { limitMs: charge.limitMs }),
      ...(charge.tooLate && { tooLate: charge.tooLate }),
      createOrder: watchRun<RecurringCharge, string | number>(watch, {
        name,
        orderOf,
        run: (data, context) => charge.createOrder(data, context),
      }),
      ...(lower && { amount: watchRun<RecurringCharge, number | undefined>(watch, { name, orderOf, run: lower }) }),
    },
    effects: watchEffects(watch, flows.effects),
  };
};
