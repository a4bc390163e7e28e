import { ask, confirmUntil, type Paid, pay } from './payments.js';
import type { As, Server, TestBed } from './tollgate.js';

/** May refund anything and read everything. */
export const ADMIN: As = { account: 'admin', roles: ['admin'] };

/** A refund as `refund` gives it. */
export interface Refunded {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly version: number;
  readonly reason: string | null;
  readonly failureReason: string | null;
  readonly stripeRefundId: string | null;
  readonly payment: PaymentMoney;
}

/** A payment's money, and its refunds. */
export interface PaymentMoney {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly amountReceived: number;
  readonly amountRefunded: number;
  readonly amountRefundable: number;
}

const MONEY = 'id status version amountReceived amountRefunded amountRefundable';
const REFUND_FIELDS = `id amount currency status version reason failureReason stripeRefundId payment { ${MONEY} }`;

/** Refunds as the administrator unless told otherwise. */
export const refund = async (
  server: Server,
  paymentId: string,
  refundAmount: number,
  more: object = {},
  as: As = ADMIN,
): Promise<Refunded> => {
  const payload = await ask<{ refund: Refunded }>(
    server,
    `mutation ($input: RefundInput!) { refund(input: $input) { refund { ${REFUND_FIELDS} } } }`,
    { input: { paymentId, refundAmount, ...more } },
    as,
  );
  return payload.refund;
};

/** An order that was paid with 100.00 USD unless told otherwise. */
export const payOrder = async (
  bed: TestBed,
  server: Server,
  { amount = 10_000, method = 'pm_card_visa' } = {},
): Promise<Paid> => {
  const paid = await pay(server, await bed.createOrder({ amount }), { amount });
  await confirmUntil(bed, server, paid, { method });
  return paid;
};

/** A payment's money as the administrator sees it. */
export const readMoney = (server: Server, id: string): Promise<PaymentMoney> =>
  ask(server, `query ($id: ID!) { payment(id: $id) { ${MONEY} } }`, { id }, ADMIN);

/** A payment's refunds, newest first. */
export const readRefunds = async (server: Server, id: string): Promise<Refunded[]> => {
  const payment = await ask<{ refunds: { edges: { node: Refunded }[] } }>(
    server,
    `query ($id: ID!) { payment(id: $id) { refunds(first: 100) { edges { node { ${REFUND_FIELDS} } } } } }`,
    { id },
    ADMIN,
  );
  return payment.refunds.edges.map(({ node }) => node);
};

/** Watches the refunds of a payment. */
export const watchRefunds = (server: Server, paymentId: string, as: As = ADMIN) =>
  server.watch(
    `subscription ($paymentId: ID!) { refundUpdated(paymentId: $paymentId) { ${REFUND_FIELDS} } }`,
    { paymentId },
    as,
  );

/** What Stripe gave back, or is about to, and how often. */
export const refundedAtStripe = async (bed: TestBed, { payment }: Paid): Promise<{ amount: number; count: number }> => {
  const { data } = await bed.stripe.refunds.list({ payment_intent: payment.stripePaymentIntentId, limit: 100 });
  const kept = data.filter(({ status }) => status !== 'failed' && status !== 'canceled');
  return { amount: kept.reduce((sum, { amount }) => sum + amount, 0), count: kept.length };
};
