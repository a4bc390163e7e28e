import { type Client, type Page, pageOf, withKey } from './client.js';
import {
  CancelPaymentDocument,
  type CancelPaymentInput,
  CapturePaymentDocument,
  type CapturePaymentInput,
  ContinuePaymentDocument,
  DecideQuarantinedDocument,
  type DecideQuarantinedInput,
  OrderPaymentsUpdatedDocument,
  PayDocument,
  type PayFieldsFragment,
  type PayInput,
  PaymentDocument,
  type PaymentFieldsFragment,
  PaymentsDocument,
  type PaymentsQueryVariables,
  PaymentUpdatedDocument,
} from './operations.js';
import type { RowStream } from './row-stream.js';

export type Payment = PaymentFieldsFragment;
export type PayAnswer = PayFieldsFragment;

/** Begins to collect an order's amount; again for the same order, it gives the same open payment. */
export const pay = async (client: Client, input: PayInput): Promise<PayAnswer> =>
  (await client.request(PayDocument, { input: withKey(input) })).pay;

/** A fresh client secret or checkout address for an open payment. */
export const continuePayment = async (client: Client, id: string): Promise<PayAnswer> =>
  (await client.request(ContinuePaymentDocument, { input: { id } }, { isRepeatable: true })).continuePayment;

export const cancelPayment = async (client: Client, input: CancelPaymentInput): Promise<Payment> =>
  (await client.request(CancelPaymentDocument, { input: withKey(input) })).cancelPayment.payment;

/** Takes what was authorized, or a part of it; the rest is let go. */
export const capturePayment = async (client: Client, input: CapturePaymentInput): Promise<Payment> =>
  (await client.request(CapturePaymentDocument, { input: withKey(input) })).capturePayment.payment;

/** Takes or sends back money that was set aside. Whoever decides at once, the first decision holds. */
export const decideQuarantined = async (client: Client, input: DecideQuarantinedInput): Promise<Payment> =>
  (await client.request(DecideQuarantinedDocument, { input: withKey(input) })).decideQuarantined.payment;

export const payment = async (client: Client, id: string): Promise<Payment | null> =>
  (await client.request(PaymentDocument, { id })).payment;

/** Newest first, twenty unless `first` says how many. */
export const payments = async (client: Client, filter: PaymentsQueryVariables = {}): Promise<Page<Payment>> =>
  pageOf((await client.request(PaymentsDocument, filter)).payments);

/** A payment's current state first, then newer versions, never an older one, also after a lost connection. */
export const watchPayment = (client: Client, id: string): RowStream<Payment> =>
  client.watch({ operation: PaymentUpdatedDocument, variables: { id }, rowOf: (data) => data.paymentUpdated });

/** All payments of an order, new ones included; each as `watchPayment` gives it. */
export const watchOrder = (client: Client, orderId: string): RowStream<Payment> =>
  client.watch({
    operation: OrderPaymentsUpdatedDocument,
    variables: { orderId },
    rowOf: (data) => data.orderPaymentsUpdated,
    isEmpty: async () => (await payments(client, { orderId, first: 1 })).nodes.length === 0,
  });
