import { type Client, type Page, pageOf, withKey } from './client.js';
import {
  CancelRecurringPaymentDocument,
  type CancelRecurringPaymentInput,
  ChangeRecurringPaymentDocument,
  type ChangeRecurringPaymentInput,
  InitiateRecurringPaymentDocument,
  type InitiateRecurringPaymentInput,
  type InitiateRecurringPaymentMutation,
  PauseRecurringPaymentDocument,
  type PauseRecurringPaymentInput,
  PreviewRecurringChangeDocument,
  type PreviewRecurringChangeQuery,
  type RecurringFieldsFragment,
  RecurringPaymentDocument,
  RecurringPaymentsDocument,
  type RecurringPaymentsQueryVariables,
  RecurringPaymentUpdatedDocument,
  ResumeRecurringPaymentDocument,
  type ResumeRecurringPaymentInput,
  UnpauseRecurringPaymentDocument,
  type UnpauseRecurringPaymentInput,
} from './operations.js';
import type { RowStream } from './row-stream.js';

export type RecurringPayment = RecurringFieldsFragment;
export type RecurringAnswer = InitiateRecurringPaymentMutation['initiateRecurringPayment'];
export type RecurringPreview = PreviewRecurringChangeQuery['previewRecurringChange'];

/** Starts a recurring payment; again for the same order, it gives the one that was begun. */
export const initiateRecurringPayment = async (
  client: Client,
  input: InitiateRecurringPaymentInput,
): Promise<RecurringAnswer> =>
  (await client.request(InitiateRecurringPaymentDocument, { input: withKey(input) })).initiateRecurringPayment;

export const cancelRecurringPayment = async (
  client: Client,
  input: CancelRecurringPaymentInput,
): Promise<RecurringPayment> =>
  (await client.request(CancelRecurringPaymentDocument, { input: withKey(input) })).cancelRecurringPayment
    .recurringPayment;

/** Takes back a scheduled cancellation. */
export const resumeRecurringPayment = async (
  client: Client,
  input: ResumeRecurringPaymentInput,
): Promise<RecurringPayment> =>
  (await client.request(ResumeRecurringPaymentDocument, { input: withKey(input) })).resumeRecurringPayment
    .recurringPayment;

/** What a change would cost now and at the next renewal; nothing is changed. */
export const previewRecurringChange = async (
  client: Client,
  input: ChangeRecurringPaymentInput,
): Promise<RecurringPreview> =>
  (await client.request(PreviewRecurringChangeDocument, { input })).previewRecurringChange;

/** Another price or quantity, at once or at the period's end. */
export const changeRecurringPayment = async (
  client: Client,
  input: ChangeRecurringPaymentInput,
): Promise<RecurringPayment> =>
  (await client.request(ChangeRecurringPaymentDocument, { input: withKey(input) })).changeRecurringPayment
    .recurringPayment;

/** Charges nothing until it is taken back, or `resumesAt`. */
export const pauseRecurringPayment = async (
  client: Client,
  input: PauseRecurringPaymentInput,
): Promise<RecurringPayment> =>
  (await client.request(PauseRecurringPaymentDocument, { input: withKey(input) })).pauseRecurringPayment
    .recurringPayment;

export const unpauseRecurringPayment = async (
  client: Client,
  input: UnpauseRecurringPaymentInput,
): Promise<RecurringPayment> =>
  (await client.request(UnpauseRecurringPaymentDocument, { input: withKey(input) })).unpauseRecurringPayment
    .recurringPayment;

export const recurringPayment = async (client: Client, id: string): Promise<RecurringPayment | null> =>
  (await client.request(RecurringPaymentDocument, { id })).recurringPayment;

/** Newest first. */
export const recurringPayments = async (
  client: Client,
  filter: RecurringPaymentsQueryVariables = {},
): Promise<Page<RecurringPayment>> =>
  pageOf((await client.request(RecurringPaymentsDocument, filter)).recurringPayments);

/** A recurring payment with its payments, as `watchPayment` gives payments. */
export const watchRecurringPayment = (client: Client, id: string): RowStream<RecurringPayment> =>
  client.watch({
    operation: RecurringPaymentUpdatedDocument,
    variables: { id },
    rowOf: (data) => data.recurringPaymentUpdated,
  });
