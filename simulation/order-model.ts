import { findLinearization, type Operation, type SequentialModel } from './linearizable.js';

/** What a client asks of the one order; `confirm` is the customer, at Stripe. */
export type OrderInput =
  | { readonly does: 'pay' }
  | { readonly does: 'confirm' | 'cancel' | 'read'; readonly id: string }
  | { readonly does: 'capture' | 'refund'; readonly id: string; readonly amount: number };

/** What was answered: a refusal's code, or what the payment, or the refund, then is. */
export type OrderOutput =
  | { readonly code: string }
  | {
      readonly id: string;
      readonly status: string;
      readonly amountReceived?: number;
      readonly amountRefundable?: number;
    };

/** That Stripe cancels for a `cancel`, which our row hears of later: with the answer, as everybody does who asks us. */
type Ending = { readonly does: 'end at Stripe'; readonly id: string };

/** `OPEN`: nothing was confirmed. `ENDED`: the same, and Stripe has cancelled it. `HELD`: money is held. `PAID`: it was taken. */
interface ModelPayment {
  /** Undefined where the answer that told it was lost. */
  readonly id: string | undefined;
  readonly state: 'OPEN' | 'ENDED' | 'HELD' | 'PAID' | 'CANCELED';
  readonly received: number;
  /** What refunds have taken, ended or not. */
  readonly refunded: number;
}

/** An order's payments, oldest first. */
export type OrderState = readonly ModelPayment[];

/** What each order costs. */
export const PRICE = 10_000;

type Answer<O, K> = O extends { readonly code: string } ? never : K;
type Given = Answer<OrderOutput, Exclude<OrderOutput, { readonly code: string }>>;

const isOpen = ({ state }: ModelPayment): boolean => state === 'OPEN' || state === 'ENDED' || state === 'HELD';
const fresh = (id: string | undefined): ModelPayment => ({ id, state: 'OPEN', received: 0, refunded: 0 });

const replace = (state: OrderState, from: ModelPayment, changes: Partial<ModelPayment>): OrderState =>
  state.map((payment) => (payment === from ? { ...payment, ...changes } : payment));

/** One open attempt per order, which all share; another only while nothing is kept of what was received. */
const stepPay = (state: OrderState, output: OrderOutput | undefined): readonly OrderState[] => {
  const open = state.find(isOpen);
  const keeps = state.some(({ received, refunded }) => received > refunded);
  const id = output !== undefined && 'id' in output ? output.id : undefined;
  // A refund whose end Stripe has not told leaves the order paid.
  if (output !== undefined && 'code' in output)
    return ['ORDER_ALREADY_PAID', 'AMOUNT_MISMATCH'].includes(output.code) && state.some(({ received }) => received > 0)
      ? [state]
      : [];
  if (open) {
    if (id === undefined || open.id === id) return [state];
    return open.id === undefined && !state.some((payment) => payment.id === id) ? [replace(state, open, { id })] : [];
  }
  return keeps || state.some((payment) => id !== undefined && payment.id === id) ? [] : [[...state, fresh(id)]];
};

type Move = (
  payment: ModelPayment,
  output: OrderOutput | undefined,
) => { readonly changes: Partial<ModelPayment> } | undefined;

const refusedWith = (output: OrderOutput | undefined, code: string): boolean =>
  output !== undefined && 'code' in output && output.code === code;
const given = (output: OrderOutput | undefined): Given | undefined =>
  output !== undefined && 'id' in output ? output : undefined;
const KEPT = { changes: {} };

const confirm: Move = (payment, output) => {
  const isRefused = output !== undefined && 'code' in output;
  if (payment.state === 'OPEN') return isRefused ? undefined : { changes: { state: 'HELD' } };
  return isRefused || output === undefined ? KEPT : undefined;
};

/** Several who cancel at once may all be told that it is cancelled. */
const cancel: Move = (payment, output) => {
  const answer = given(output);
  if (isOpen(payment))
    return output === undefined || answer?.status === 'CANCELED' ? { changes: { state: 'CANCELED' } } : undefined;
  const asItIs = answer?.status === (payment.state === 'PAID' ? 'SUCCESSFUL' : 'CANCELED');
  return output === undefined || asItIs || refusedWith(output, 'ILLEGAL_TRANSITION') ? KEPT : undefined;
};

/** Several who take the same amount at once may all be told that it is taken. */
const capture =
  (amount: number): Move =>
  (payment, output) => {
    const answer = given(output);
    const isTaken = answer?.status === 'SUCCESSFUL' && answer.amountReceived === amount;
    if (payment.state === 'HELD')
      return output === undefined || isTaken ? { changes: { state: 'PAID', received: amount } } : undefined;
    const isSame = payment.state === 'PAID' && payment.received === amount && isTaken;
    return output === undefined || isSame || refusedWith(output, 'ILLEGAL_TRANSITION') ? KEPT : undefined;
  };

const refund =
  (amount: number): Move =>
  ({ state, received, refunded }, output) => {
    if (state !== 'PAID')
      return output === undefined || refusedWith(output, 'PAYMENT_NOT_REFUNDABLE') ? KEPT : undefined;
    if (amount > received - refunded)
      return output === undefined || refusedWith(output, 'REFUND_EXCEEDS_PAYMENT') ? KEPT : undefined;
    return output === undefined || given(output) ? { changes: { refunded: refunded + amount } } : undefined;
  };

/** That money is held is Stripe's to say: our row may hear of it later. */
const SHOWN: Readonly<Record<ModelPayment['state'], readonly string[]>> = {
  OPEN: ['PENDING'],
  ENDED: ['PENDING'],
  HELD: ['PENDING', 'REQUIRES_CAPTURE'],
  PAID: ['SUCCESSFUL'],
  CANCELED: ['CANCELED'],
};

const read: Move = ({ state, received, refunded }, output) => {
  const answer = given(output);
  if (output === undefined) return KEPT;
  const isShown =
    answer !== undefined &&
    SHOWN[state].includes(answer.status) &&
    answer.amountReceived === received &&
    answer.amountRefundable === received - refunded;
  return isShown ? KEPT : undefined;
};

const moveOf = (input: Exclude<OrderInput, { does: 'pay' }>): Move => {
  if (input.does === 'capture') return capture(input.amount);
  if (input.does === 'refund') return refund(input.amount);
  return { confirm, cancel, read }[input.does];
};

/** What an order's payments may answer to calls that come one after the other. */
const ORDER_MODEL: SequentialModel<OrderState, OrderInput | Ending, OrderOutput> = {
  initial: [],
  keyOf: (state) => JSON.stringify(state),
  step(state, input, output) {
    if (input.does === 'pay') return stepPay(state, output);
    // Whoever names it was told it, so that a payment whose id no answer told yet may be it.
    const payment =
      state.find(({ id }) => id === input.id) ?? state.find(({ id, state: is }) => id === undefined && is === 'OPEN');
    if (input.does === 'end at Stripe')
      return payment?.state === 'OPEN' ? [state, replace(state, payment, { state: 'ENDED', id: input.id })] : [state];
    if (!payment) return [];
    const moved = moveOf(input)(payment, output);
    return moved ? [replace(state, payment, { ...moved.changes, id: input.id })] : [];
  },
};

/** Whether these calls may have come one after the other. */
export const isLinearizable = (history: readonly Operation<OrderInput, OrderOutput>[]): boolean => {
  const endings = history.flatMap(({ input, calledAt, answeredAt }) =>
    input.does === 'cancel'
      ? [{ input: { does: 'end at Stripe', id: input.id } as const, output: undefined, calledAt, answeredAt }]
      : [],
  );
  return findLinearization(ORDER_MODEL, [...history, ...endings]) !== undefined;
};
