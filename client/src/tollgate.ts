import { createLive, type Live } from './live.js';
import {
  CancelPaymentDocument,
  type CancelPaymentInput,
  CancelRecurringPaymentDocument,
  type CancelRecurringPaymentInput,
  CapturePaymentDocument,
  type CapturePaymentInput,
  ContinuePaymentDocument,
  InitiateRecurringPaymentDocument,
  type InitiateRecurringPaymentInput,
  type InitiateRecurringPaymentMutation,
  type MethodFieldsFragment,
  OpenCustomerPortalDocument,
  type OpenCustomerPortalInput,
  OrderPaymentsUpdatedDocument,
  PayDocument,
  type PayFieldsFragment,
  type PayInput,
  PaymentDocument,
  type PaymentFieldsFragment,
  PaymentsDocument,
  type PaymentsQueryVariables,
  PaymentUpdatedDocument,
  PublishableKeyDocument,
  type RecurringFieldsFragment,
  RecurringPaymentsDocument,
  type RecurringPaymentsQueryVariables,
  RecurringPaymentUpdatedDocument,
  RefundDocument,
  type RefundFieldsFragment,
  type RefundInput,
  RefundUpdatedDocument,
  RemovePaymentMethodDocument,
  ResumeRecurringPaymentDocument,
  type ResumeRecurringPaymentInput,
  SavedPaymentMethodsDocument,
  SavePaymentMethodDocument,
  type SavePaymentMethodInput,
  type SavePaymentMethodMutation,
  SetDefaultPaymentMethodDocument,
  type SetDefaultPaymentMethodInput,
  ViewerDocument,
  type ViewerQuery,
} from './operations.js';
import { createRequest, type Request } from './requests.js';
import { createTokens, type TokenSource } from './tokens.js';

export type Payment = PaymentFieldsFragment;
export type Refund = RefundFieldsFragment;
export type RecurringPayment = RecurringFieldsFragment;
export type PayAnswer = PayFieldsFragment;
export type RecurringAnswer = InitiateRecurringPaymentMutation['initiateRecurringPayment'];
export type SavedPaymentMethod = MethodFieldsFragment;
export type SaveAnswer = SavePaymentMethodMutation['savePaymentMethod'];
type Stream<Row> = AsyncIterableIterator<Row, undefined>;

/**
 * Tollgate for a browser. Amounts are whole numbers of the currency's smallest unit. Everything rejects with a
 * TollgateError. Mutations get an idempotency key where you give none, so a lost answer never charges twice.
 */
export interface Tollgate {
  viewer(): Promise<ViewerQuery['viewer']>;
  publishableKey(): Promise<string | null>;

  /** Begins to collect an order's amount; again for the same order, it gives the same open payment. */
  pay(input: PayInput): Promise<PayAnswer>;
  /** A fresh client secret or checkout address for an open payment. */
  continuePayment(id: string): Promise<PayAnswer>;
  cancelPayment(input: CancelPaymentInput): Promise<Payment>;
  capturePayment(input: CapturePaymentInput): Promise<Payment>;
  refund(input: RefundInput): Promise<Refund>;

  initiateRecurringPayment(input: InitiateRecurringPaymentInput): Promise<RecurringAnswer>;
  cancelRecurringPayment(input: CancelRecurringPaymentInput): Promise<RecurringPayment>;
  /** Takes back a scheduled cancellation. */
  resumeRecurringPayment(input: ResumeRecurringPaymentInput): Promise<RecurringPayment>;

  /** The account's saved methods, as Stripe has them now. */
  savedPaymentMethods(): Promise<readonly SavedPaymentMethod[]>;
  /** Begins to save a method without paying; the answer is confirmed with Stripe.js, or leads to a page. */
  savePaymentMethod(input?: SavePaymentMethodInput): Promise<SaveAnswer>;
  /** Of the account, or of one recurring payment: what a failed renewal is charged to at once. */
  setDefaultPaymentMethod(input: SetDefaultPaymentMethodInput): Promise<readonly SavedPaymentMethod[]>;
  removePaymentMethod(id: string): Promise<readonly SavedPaymentMethod[]>;
  /** The address of Stripe's portal: lead there at once. */
  openCustomerPortal(input: OpenCustomerPortalInput): Promise<string>;

  payment(id: string): Promise<Payment | null>;
  /** Newest first. */
  payments(filter?: PaymentsQueryVariables): Promise<readonly Payment[]>;
  /** Newest first. */
  recurringPayments(filter?: RecurringPaymentsQueryVariables): Promise<readonly RecurringPayment[]>;

  /** Each stream: the current state first, then newer versions, never an older one, also after a lost connection. */
  watchPayment(id: string): Stream<Payment>;
  /** All payments of an order, new ones included. */
  watchOrder(orderId: string): Stream<Payment>;
  /** All refunds of a payment, new ones included. */
  watchRefunds(paymentId: string): Stream<Refund>;
  watchRecurringPayment(id: string): Stream<RecurringPayment>;

  readonly connection: Live['connection'];
  /** For operations of your own. */
  readonly request: Request;
  /** Ends all streams and closes the socket. */
  close(): void;
}

/** Makes the client; it connects when something is watched. `token` is asked again whenever a token is about to end. */
export const createTollgate = ({ url, token }: { readonly url: string; readonly token: TokenSource }): Tollgate => {
  const tokens = createTokens(token);
  const request = createRequest(url, tokens);
  const live = createLive(url, tokens);
  return {
    viewer: async () => (await request(ViewerDocument, {})).viewer,
    publishableKey: async () => (await request(PublishableKeyDocument, {})).publishableKey,

    pay: async (input) => (await request(PayDocument, { input: withKey(input) })).pay,
    continuePayment: async (id) => (await request(ContinuePaymentDocument, { input: { id } })).continuePayment,
    cancelPayment: async (input) =>
      (await request(CancelPaymentDocument, { input: withKey(input) })).cancelPayment.payment,
    capturePayment: async (input) =>
      (await request(CapturePaymentDocument, { input: withKey(input) })).capturePayment.payment,
    refund: async (input) => (await request(RefundDocument, { input: withKey(input) })).refund.refund,

    initiateRecurringPayment: async (input) =>
      (await request(InitiateRecurringPaymentDocument, { input: withKey(input) })).initiateRecurringPayment,
    cancelRecurringPayment: async (input) =>
      (await request(CancelRecurringPaymentDocument, { input: withKey(input) })).cancelRecurringPayment
        .recurringPayment,
    resumeRecurringPayment: async (input) =>
      (await request(ResumeRecurringPaymentDocument, { input: withKey(input) })).resumeRecurringPayment
        .recurringPayment,

    savedPaymentMethods: async () => (await request(SavedPaymentMethodsDocument, {})).savedPaymentMethods,
    savePaymentMethod: async (input = {}) =>
      (await request(SavePaymentMethodDocument, { input: withKey(input) })).savePaymentMethod,
    setDefaultPaymentMethod: async (input) =>
      (await request(SetDefaultPaymentMethodDocument, { input })).setDefaultPaymentMethod.paymentMethods,
    removePaymentMethod: async (id) =>
      (await request(RemovePaymentMethodDocument, { input: { id } })).removePaymentMethod.paymentMethods,
    openCustomerPortal: async (input) => (await request(OpenCustomerPortalDocument, { input })).openCustomerPortal.url,

    payment: async (id) => (await request(PaymentDocument, { id })).payment,
    payments: async (filter = {}) => (await request(PaymentsDocument, filter)).payments.edges.map(({ node }) => node),
    recurringPayments: async (filter = {}) =>
      (await request(RecurringPaymentsDocument, filter)).recurringPayments.edges.map(({ node }) => node),

    watchPayment: (id) => live.watch(PaymentUpdatedDocument, { id }, (data) => data.paymentUpdated),
    watchOrder: (orderId) => live.watch(OrderPaymentsUpdatedDocument, { orderId }, (data) => data.orderPaymentsUpdated),
    watchRefunds: (paymentId) => live.watch(RefundUpdatedDocument, { paymentId }, (data) => data.refundUpdated),
    watchRecurringPayment: (id) =>
      live.watch(RecurringPaymentUpdatedDocument, { id }, (data) => data.recurringPaymentUpdated),

    connection: live.connection,
    request,
    close: live.close,
  };
};

/** Chance enough that no two calls share a key; `randomUUID` would need HTTPS. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');

const withKey = <Input extends { readonly idempotencyKey?: string | null | undefined }>(input: Input): Input => ({
  ...input,
  idempotencyKey: input.idempotencyKey ?? newKey(),
});
