import type { Caller } from '../../core/caller.js';
import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Builder, Once } from '../../graphql/builder.js';
import type { SavedMethod } from '../customers/methods.js';
import { definePayEnums, type PayEnums } from '../payments/graphql-pay.js';
import { PORTAL_FLOWS, type PortalRequest } from './portal.js';
import type { RetryRenewal } from './retry-renewal.js';
import type { SavedMethods } from './saved-methods.js';
import type { SaveAnswer, SaveRequest } from './saving.js';

declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly savedMethods: SavedMethods;
    readonly saveMethod: (request: SaveRequest, caller: Caller) => Promise<SaveAnswer>;
    readonly retryRenewal: RetryRenewal;
    readonly openPortal: (request: PortalRequest, caller: Caller) => Promise<string>;
  }
}

/** Defines saved payment methods and the customer portal. */
export const defineMethods = (builder: Builder, once: Once): void => {
  const enums = once(definePayEnums);
  const method = defineMethod(builder);
  builder.queryField('savedPaymentMethods', (t) =>
    t.field({
      type: [method],
      nullable: { list: false, items: false },
      description: "The caller's own unless accountId is given.",
      permission: 'PAYMENT_METHOD_MANAGE',
      args: { accountId: t.arg.id() },
      resolve: (_, { accountId }, { savedMethods, session }) =>
        savedMethods.list(accountId ?? undefined, session.caller),
    }),
  );
  defineSaving(builder, enums);
  defineChanges(builder, method);
  definePortal(builder);
  defineRetryRenewal(builder);
};

const defineMethod = (builder: Builder) =>
  builder.objectRef<SavedMethod>('SavedPaymentMethod').implement({
    fields: (t) => ({
      id: t.exposeID('methodId', { nullable: false }),
      type: t.exposeString('type', { nullable: false }),
      brand: t.exposeString('brand', { nullable: true }),
      last4: t.exposeString('last4', { nullable: true }),
      wallet: t.exposeString('wallet', { nullable: true }),
      expMonth: t.exposeInt('expMonth', { nullable: true }),
      expYear: t.exposeInt('expYear', { nullable: true }),
      isDefault: t.exposeBoolean('isDefault', { nullable: false }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
    }),
  });

const defineSaving = (builder: Builder, { payMode, clientSecretType }: PayEnums): void => {
  const payload = builder.objectRef<SaveAnswer>('SavePaymentMethodPayload').implement({
    fields: (t) => ({
      clientSecret: t.exposeString('clientSecret', { nullable: true }),
      clientSecretType: t.expose('clientSecretType', { type: clientSecretType, nullable: true }),
      checkoutUrl: t.exposeString('checkoutUrl', { nullable: true }),
      publishableKey: t.exposeString('publishableKey', { nullable: false }),
    }),
  });
  const input = builder.inputType('SavePaymentMethodInput', {
    fields: (t) => ({
      mode: t.field({ type: payMode, defaultValue: 'ELEMENTS' }),
      successUrl: t.string(),
      cancelUrl: t.string(),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('savePaymentMethod', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'Begins to save a method without paying.',
      permission: 'PAYMENT_METHOD_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input: { mode, successUrl, cancelUrl, idempotencyKey } }, { saveMethod, session }) =>
        saveMethod(
          {
            mode: mode ?? 'ELEMENTS',
            ...(successUrl == null ? {} : { successUrl }),
            ...(cancelUrl == null ? {} : { cancelUrl }),
            ...(idempotencyKey == null ? {} : { idempotencyKey }),
          },
          session.caller,
        ),
    }),
  );
};

const defineChanges = (builder: Builder, method: ReturnType<typeof defineMethod>): void => {
  const payload = builder
    .objectRef<{ readonly paymentMethods: readonly SavedMethod[] }>('PaymentMethodsPayload')
    .implement({
      fields: (t) => ({
        paymentMethods: t.field({
          type: [method],
          nullable: { list: false, items: false },
          resolve: ({ paymentMethods }) => [...paymentMethods],
        }),
      }),
    });
  const removeInput = builder.inputType('RemovePaymentMethodInput', {
    fields: (t) => ({ id: t.id({ required: true }) }),
  });
  const defaultInput = builder.inputType('SetDefaultPaymentMethodInput', {
    description: 'Of the customer, or of one recurring payment: what a failed renewal is charged to next, at once.',
    fields: (t) => ({ id: t.id({ required: true }), recurringPaymentId: t.id() }),
  });
  builder.mutationField('removePaymentMethod', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'PAYMENT_METHOD_MANAGE',
      args: { input: t.arg({ type: removeInput, required: true }) },
      resolve: async (_, { input }, { savedMethods, session }) => ({
        paymentMethods: await savedMethods.remove(input.id, session.caller),
      }),
    }),
  );
  builder.mutationField('setDefaultPaymentMethod', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'PAYMENT_METHOD_MANAGE',
      args: { input: t.arg({ type: defaultInput, required: true }) },
      resolve: async (_, { input: { id, recurringPaymentId } }, { savedMethods, session }) => {
        if (recurringPaymentId != null && !isNodeId(recurringPaymentId))
          throw new NotFoundError('recurring payment', recurringPaymentId);
        const request = { id, ...(recurringPaymentId == null ? {} : { recurringPaymentId }) };
        return { paymentMethods: await savedMethods.setDefault(request, session.caller) };
      },
    }),
  );
};

const definePortal = (builder: Builder): void => {
  const flow = builder.enumType('PortalFlow', { values: PORTAL_FLOWS });
  const input = builder.inputType('OpenCustomerPortalInput', {
    fields: (t) => ({
      returnUrl: t.string({ required: true }),
      flow: t.field({ type: flow, defaultValue: 'OVERVIEW' }),
    }),
  });
  const payload = builder.objectRef<{ readonly url: string }>('OpenCustomerPortalPayload').implement({
    fields: (t) => ({ url: t.exposeString('url', { nullable: false }) }),
  });
  builder.mutationField('openCustomerPortal', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'PAYMENT_METHOD_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { returnUrl, flow: first } }, { openPortal, session }) => ({
        url: await openPortal({ returnUrl, flow: first ?? 'OVERVIEW' }, session.caller),
      }),
    }),
  );
};

const defineRetryRenewal = (builder: Builder): void => {
  const input = builder.inputType('RetryRenewalInput', {
    fields: (t) => ({
      paymentId: t.id({ required: true }),
      reason: t.string({ description: 'For the audit.' }),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('retryRenewal', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      description:
        "Charges a failed renewal again now, to its recurring payment's method. Many at once try it once; a decline is STRIPE_DECLINED.",
      permission: 'PAYMENT_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { paymentId, reason, idempotencyKey } }, { retryRenewal, session }) => {
        if (!isNodeId(paymentId)) throw new NotFoundError('payment', paymentId);
        const request = {
          paymentId,
          ...(reason == null ? {} : { reason }),
          ...(idempotencyKey == null ? {} : { idempotencyKey }),
        };
        return { payment: await retryRenewal(request, session.caller) };
      },
    }),
  );
};
