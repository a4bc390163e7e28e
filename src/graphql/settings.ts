import { actorOf } from '../core/caller.js';
import { MONEY_POLICIES } from '../installation/money-policy.js';
import { defineAmountUnit } from './amount-unit.js';
import type { Builder, Once } from './builder.js';

/** Defines the settings: the publishable key for everyone, the rest for operators, and how keys are set. */
export const defineSettings = (builder: Builder, once: Once): void => {
  definePaymentSettings(builder, once);
  builder.queryField('publishableKey', (t) =>
    t.string({ permission: 'PUBLIC', resolve: (_, __, { settings }) => settings.publishableKey() }),
  );
  builder.queryField('sandboxUrl', (t) =>
    t.string({
      description:
        'Where a sandbox stands in for Stripe: a page confirms payments there. Null: Stripe itself, with Stripe.js.',
      permission: 'PUBLIC',
      resolve: (_, __, { sandboxUrl }) => sandboxUrl ?? null,
    }),
  );
  builder.queryField('paymentSettings', (t) =>
    t.field({
      type: 'PaymentSettings',
      nullable: false,
      permission: 'SETTINGS_READ',
      resolve: (_, __, { settings }) => settings.read(),
    }),
  );
  builder.objectType('SettingsPayload', {
    fields: (t) => ({
      settings: t.field({ type: 'PaymentSettings', nullable: false, resolve: ({ settings }) => settings }),
    }),
  });
  defineConfigureStripe(builder);
  defineMoneyPolicy(builder);
};

/** The plan is added where plans are defined. */
const definePaymentSettings = (builder: Builder, once: Once): void => {
  builder.objectType('OrderTableBinding', {
    fields: (t) => ({
      table: t.exposeString('tableName', { nullable: false }),
      idColumn: t.exposeString('idColumn', { nullable: false }),
      ownerColumn: t.exposeString('ownerColumn', { nullable: true }),
      amountColumn: t.exposeString('amountColumn', { nullable: true }),
      amountUnit: t.field({
        type: once(defineAmountUnit),
        description: 'Null while no amount column is bound.',
        resolve: ({ amountUnit }) => amountUnit,
      }),
      currencyColumn: t.exposeString('currencyColumn', { nullable: true }),
      currency: t.exposeString('currency', {
        nullable: true,
        description: 'The currency of all orders, where no column says it.',
      }),
      boundAt: t.expose('boundAt', { type: 'DateTime', nullable: false }),
    }),
  });
  builder.objectType('PaymentSettings', {
    fields: (t) => ({
      active: t.exposeBoolean('active', { nullable: false }),
      publishableKey: t.exposeString('publishableKey', { nullable: true }),
      secretKeySet: t.exposeBoolean('secretKeySet', {
        nullable: false,
        description: 'True when a secret key is set; the key itself is never returned.',
      }),
      webhookSecretSet: t.exposeBoolean('webhookSecretSet', { nullable: false }),
      livemode: t.exposeBoolean('livemode', { nullable: false }),
      orderTable: t.expose('orderTable', { type: 'OrderTableBinding', nullable: true }),
    }),
  });
};

const defineConfigureStripe = (builder: Builder): void => {
  const input = builder.inputType('ConfigureStripeInput', {
    fields: (t) => ({
      publishableKey: t.string({ required: true }),
      secretKey: t.string({ required: true }),
      webhookSecret: t.string(),
    }),
  });
  builder.mutationField('configureStripe', (t) =>
    t.field({
      type: 'SettingsPayload',
      nullable: false,
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { publishableKey, secretKey, webhookSecret } }, { settings, session }) => {
        const request = { publishableKey, secretKey, webhookSecret: webhookSecret ?? undefined };
        const { endpoint } = await settings.configure(request, actorOf(session.caller));
        // The keys are stored; that the endpoint is missing must not pass unheard.
        if (endpoint.outcome === 'failed') throw endpoint.error;
        return { settings: await settings.read() };
      },
    }),
  );
};

const defineMoneyPolicy = (builder: Builder): void => {
  const policy = builder.enumType('MoneyPolicy', {
    description:
      "Money that isn't what was asked for, or that comes after a cancel. ASK: quarantined until an operator decides. REFUND: sent back at once. ACCEPT (late money of the right amount and currency only): taken.",
    values: MONEY_POLICIES,
  });
  builder.objectFields('PaymentSettings', (t) => ({
    latePaymentPolicy: t.expose('latePaymentPolicy', { type: policy, nullable: false }),
    mismatchPolicy: t.expose('mismatchPolicy', { type: policy, nullable: false }),
  }));
  const input = builder.inputType('SetMoneyPolicyInput', {
    fields: (t) => ({ latePayment: t.field({ type: policy }), mismatch: t.field({ type: policy }) }),
  });
  builder.mutationField('setMoneyPolicy', (t) =>
    t.field({
      type: 'SettingsPayload',
      nullable: false,
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { latePayment, mismatch } }, { settings, session: { caller } }) => {
        const given = { latePayment: latePayment ?? undefined, mismatch: mismatch ?? undefined };
        await settings.setMoneyPolicy(given, actorOf(caller));
        return { settings: await settings.read() };
      },
    }),
  );
};
