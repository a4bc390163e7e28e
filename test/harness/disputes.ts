import { ask } from './payments.js';
import { ADMIN } from './refunds.js';
import type { As, Server, TestBed } from './tollgate.js';

/** A dispute as the administrator sees it. */
export interface Disputed {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly reason: string;
  readonly isRefundable: boolean;
  readonly evidenceDueBy: string | null;
  readonly stripeDisputeId: string;
  readonly version: number;
  readonly payment: { readonly id: string; readonly amountDisputed: number };
}

const FIELDS =
  'id amount currency status reason isRefundable evidenceDueBy stripeDisputeId version payment { id amountDisputed }';

/** The sandbox's word about a dispute. */
export interface SandboxDispute {
  readonly id: string;
  readonly charge: string;
  readonly status: string;
  readonly evidence_details: { readonly due_by: number };
}

const control = async (bed: TestBed, path: string, body: object = {}): Promise<SandboxDispute> => {
  const response = await fetch(`${bed.sandbox.url}/_sandbox/disputes${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as SandboxDispute;
};

/** The customer's bank takes the payment back; `inquiry: true`: it asks. */
export const openDispute = (bed: TestBed, intentId: string, more: object = {}): Promise<SandboxDispute> =>
  control(bed, '', { payment_intent: intentId, ...more });

/** Ends a dispute. */
export const closeDispute = (bed: TestBed, id: string, status: 'won' | 'lost' | 'prevented'): Promise<SandboxDispute> =>
  control(bed, `/${id}/close`, { status });

/** An inquiry becomes a chargeback. */
export const escalateDispute = (bed: TestBed, id: string): Promise<SandboxDispute> => control(bed, `/${id}/escalate`);

/** A payment's disputes, newest first. */
export const readDisputes = async (server: Server, paymentId: string): Promise<Disputed[]> => {
  const payment = await ask<{ disputes: { edges: { node: Disputed }[] } }>(
    server,
    `query ($id: ID!) { payment(id: $id) { disputes(first: 100) { edges { node { ${FIELDS} } } } } }`,
    { id: paymentId },
    ADMIN,
  );
  return payment.disputes.edges.map(({ node }) => node);
};

/** Watches the disputes of a payment. */
export const watchDisputes = (server: Server, paymentId: string, as: As = ADMIN) =>
  server.watch(
    `subscription ($paymentId: ID!) { disputeUpdated(paymentId: $paymentId) { ${FIELDS} } }`,
    { paymentId },
    as,
  );
