import { type Client, withKey } from './client.js';
import {
  type MethodFieldsFragment,
  OpenCustomerPortalDocument,
  type OpenCustomerPortalInput,
  PublishableKeyDocument,
  RemovePaymentMethodDocument,
  SavedPaymentMethodsDocument,
  SavePaymentMethodDocument,
  type SavePaymentMethodInput,
  type SavePaymentMethodMutation,
  SetDefaultPaymentMethodDocument,
  type SetDefaultPaymentMethodInput,
  StripeSettingsDocument,
  type StripeSettingsQuery,
  ViewerDocument,
  type ViewerQuery,
} from './operations.js';

export type SavedPaymentMethod = MethodFieldsFragment;
export type SaveAnswer = SavePaymentMethodMutation['savePaymentMethod'];

/** Who the server takes the caller for, and what they may do. */
export const viewer = async (client: Client): Promise<ViewerQuery['viewer']> =>
  (await client.request(ViewerDocument, {})).viewer;

export const publishableKey = async (client: Client): Promise<string | null> =>
  (await client.request(PublishableKeyDocument, {})).publishableKey;

/** With which key, and whether at a sandbox in Stripe's place, a page confirms payments. */
export const stripeSettings = (client: Client): Promise<StripeSettingsQuery> =>
  client.request(StripeSettingsDocument, {});

/** An account's saved methods, as Stripe has them now; the caller's own unless an account is named. */
export const savedPaymentMethods = async (client: Client, accountId?: string): Promise<readonly SavedPaymentMethod[]> =>
  (await client.request(SavedPaymentMethodsDocument, accountId === undefined ? {} : { accountId })).savedPaymentMethods;

/** Begins to save a method without paying; the answer is confirmed with Stripe.js, or leads to a page. */
export const savePaymentMethod = async (client: Client, input: SavePaymentMethodInput = {}): Promise<SaveAnswer> =>
  (await client.request(SavePaymentMethodDocument, { input: withKey(input) })).savePaymentMethod;

/** Of the account, or of one recurring payment: what a failed renewal is charged to at once. */
export const setDefaultPaymentMethod = async (
  client: Client,
  input: SetDefaultPaymentMethodInput,
): Promise<readonly SavedPaymentMethod[]> =>
  (await client.request(SetDefaultPaymentMethodDocument, { input })).setDefaultPaymentMethod.paymentMethods;

export const removePaymentMethod = async (client: Client, id: string): Promise<readonly SavedPaymentMethod[]> =>
  (await client.request(RemovePaymentMethodDocument, { input: { id } }, { isRepeatable: true })).removePaymentMethod
    .paymentMethods;

/** The address of Stripe's portal: lead there at once. */
export const openCustomerPortal = async (client: Client, input: OpenCustomerPortalInput): Promise<string> =>
  (await client.request(OpenCustomerPortalDocument, { input }, { isRepeatable: true })).openCustomerPortal.url;
