import { type Client, type Page, pageOf, withKey } from './client.js';
import {
  type DisputeFieldsFragment,
  DisputesDocument,
  type DisputesQueryVariables,
  DisputeUpdatedDocument,
  RefundDocument,
  type RefundFieldsFragment,
  type RefundInput,
  RefundsDocument,
  type RefundsQueryVariables,
  RefundUpdatedDocument,
} from './operations.js';
import type { RowStream } from './row-stream.js';

export type Refund = RefundFieldsFragment;
export type Dispute = DisputeFieldsFragment;

const NO_PAGE = { edges: [], pageInfo: { hasNextPage: false, endCursor: null } };

/** Gives money back. Give the key yourself where a person may ask again after an answer was lost. */
export const refund = async (client: Client, input: RefundInput): Promise<Refund> =>
  (await client.request(RefundDocument, { input: withKey(input) })).refund.refund;

/** A payment's refunds, newest first. */
export const refunds = async (client: Client, filter: RefundsQueryVariables): Promise<Page<Refund>> =>
  pageOf((await client.request(RefundsDocument, filter)).payment?.refunds ?? NO_PAGE);

/** All refunds of a payment, new ones included; each as `watchPayment` gives payments. */
export const watchRefunds = (client: Client, paymentId: string): RowStream<Refund> =>
  client.watch({
    operation: RefundUpdatedDocument,
    variables: { paymentId },
    rowOf: (data) => data.refundUpdated,
    isEmpty: async () => (await refunds(client, { paymentId, first: 1 })).nodes.length === 0,
  });

/** Newest first; needs DISPUTE_READ. */
export const disputes = async (client: Client, filter: DisputesQueryVariables = {}): Promise<Page<Dispute>> =>
  pageOf((await client.request(DisputesDocument, filter)).disputes);

/** All disputes of a payment, new ones included; needs DISPUTE_READ. */
export const watchDisputes = (client: Client, paymentId: string): RowStream<Dispute> =>
  client.watch({
    operation: DisputeUpdatedDocument,
    variables: { paymentId },
    rowOf: (data) => data.disputeUpdated,
    isEmpty: async () => (await disputes(client, { paymentId, first: 1 })).nodes.length === 0,
  });
