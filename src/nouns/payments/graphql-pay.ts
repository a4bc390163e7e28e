import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Builder, Once } from '../../graphql/builder.js';
import type { PayRequest } from './pay.js';

/** The enums that payments and recurring payments share. */
export type PayEnums = ReturnType<typeof definePayEnums>;

/** Defines how a client pays: pay and continuePayment, their inputs and their answer. */
export const definePay = (builder: Builder, once: Once): void => {
  const enums = once(definePayEnums);
  definePayPayload(builder, enums);
  const payInput = definePayInput(builder, enums);
  const continuePaymentInput = builder.inputType('ContinuePaymentInput', {
    fields: (t) => ({ id: t.id({ required: true }) }),
  });
  builder.mutationField('pay', (t) =>
    t.field({
      type: 'PayPayload',
      nullable: false,
      permission: 'PAYMENT_CREATE',
      args: { input: t.arg({ type: payInput, required: true }) },
      resolve: (_, { input }, { payments, session }) => payments.pay(toPayRequest(input), session.caller),
    }),
  );
  builder.mutationField('continuePayment', (t) =>
    t.field({
      type: 'PayPayload',
      nullable: false,
      description: "A fresh client secret or checkout URL for an open payment, a renewal's included.",
      permission: 'PAYMENT_CREATE',
      args: { input: t.arg({ type: continuePaymentInput, required: true }) },
      resolve: async (_, { input }, { payments, session }) => {
        if (!isNodeId(input.id)) throw new NotFoundError('payment', input.id);
        return payments.continuePayment(input.id, session.caller);
      },
    }),
  );
};

/** Defines the enums that payments and recurring payments share. */
export const definePayEnums = (builder: Builder) => ({
  clientSecretType: builder.enumType('ClientSecretType', {
    description: 'PAYMENT: confirm a payment intent. SETUP: confirm a setup intent (a trial, nothing due yet).',
    values: ['PAYMENT', 'SETUP'] as const,
  }),
  payMode: builder.enumType('PayMode', { values: ['ELEMENTS', 'CHECKOUT'] as const }),
});

const definePayPayload = (builder: Builder, { clientSecretType }: PayEnums): void => {
  builder.objectType('PayPayload', {
    fields: (t) => ({
      payment: t.field({ type: 'Payment', nullable: false, resolve: ({ payment }) => payment }),
      clientSecret: t.exposeString('clientSecret', { nullable: true, description: 'For Stripe.js (ELEMENTS).' }),
      clientSecretType: t.expose('clientSecretType', { type: clientSecretType, nullable: true }),
      checkoutUrl: t.exposeString('checkoutUrl', { nullable: true, description: 'To redirect to (CHECKOUT).' }),
      publishableKey: t.exposeString('publishableKey', { nullable: false }),
    }),
  });
};

const definePayInput = (builder: Builder, { payMode }: PayEnums) => {
  const captureMethod = builder.enumType('CaptureMethod', { values: ['AUTOMATIC', 'MANUAL'] as const });
  return builder.inputType('PayInput', {
    fields: (t) => ({
      orderId: t.id({ required: true }),
      currency: t.field({
        type: 'CurrencyCode',
        description: "May be left out where the order table's column is bound; then the order's own counts.",
      }),
      amount: t.field({ type: 'MinorUnits' }),
      mode: t.field({ type: payMode, defaultValue: 'ELEMENTS' }),
      captureMethod: t.field({ type: captureMethod, defaultValue: 'AUTOMATIC' }),
      description: t.string(),
      successUrl: t.string({ description: 'CHECKOUT only; its origin must be in REDIRECT_ORIGINS.' }),
      cancelUrl: t.string(),
      metadata: t.field({ type: 'JSON' }),
      receiptEmail: t.string({ description: 'Where Stripe mails its receipt; live mode only.' }),
      statementDescriptorSuffix: t.string(),
      locale: t.string({ description: 'CHECKOUT only: a locale that Stripe knows, or auto.' }),
      savePaymentMethod: t.boolean({
        defaultValue: false,
        description: "Keep the method for the caller's later payments.",
      }),
      paymentMethodId: t.id({
        description:
          "Pay with a saved method of the order's owner: confirmed by the server; REQUIRES_ACTION where the bank asks.",
      }),
      offSession: t.boolean({
        defaultValue: false,
        description: "The customer isn't there: needs PAYMENT_MANAGE and paymentMethodId.",
      }),
      idempotencyKey: t.string(),
    }),
  });
};

type PayInput = ReturnType<typeof definePayInput>['$inferInput'];

/** An optional field given as null is the same as one left out. */
const toPayRequest = (input: PayInput): PayRequest => ({
  orderId: input.orderId,
  ...(input.currency == null ? {} : { currency: input.currency }),
  ...(input.amount == null ? {} : { amount: input.amount }),
  mode: input.mode ?? 'ELEMENTS',
  captureMethod: input.captureMethod ?? 'AUTOMATIC',
  ...(input.description == null ? {} : { description: input.description }),
  ...(input.successUrl == null ? {} : { successUrl: input.successUrl }),
  ...(input.cancelUrl == null ? {} : { cancelUrl: input.cancelUrl }),
  ...(input.metadata == null ? {} : { metadata: input.metadata }),
  ...(input.receiptEmail == null ? {} : { receiptEmail: input.receiptEmail }),
  ...(input.statementDescriptorSuffix == null ? {} : { statementDescriptorSuffix: input.statementDescriptorSuffix }),
  ...(input.locale == null ? {} : { locale: input.locale }),
  ...(input.savePaymentMethod ? { savePaymentMethod: true } : {}),
  ...(input.paymentMethodId == null ? {} : { paymentMethodId: input.paymentMethodId }),
  ...(input.offSession ? { offSession: true } : {}),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});
