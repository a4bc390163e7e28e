import type { Builder } from '../../graphql/builder.js';
import type { Context } from '../../graphql/context.js';
import { withReason } from '../../installation/reasons.js';
import type { PayEnums } from '../payments/graphql-pay.js';
import { PAUSED_INVOICES, type PauseRequest } from './pauses.js';
import type { ChangePreview } from './previews.js';
import type { CancelRequest, InitiateAnswer, InitiateRequest } from './recurring.js';
import type { RecurringPayment } from './row.js';
import { CHANGE_TIMES, type ChangeRequest, PRORATIONS } from './terms.js';

/** Defines how a client starts, ends and resumes recurring payments. */
export const defineRecurringActions = (builder: Builder, enums: PayEnums): void => {
  defineInitiate(builder, enums);
  const payload = definePayload(builder);
  defineCancelAndResume(builder, payload);
  definePauses(builder, payload);
  defineChange(builder, payload);
};

const defineInitiate = (builder: Builder, { payMode, clientSecretType }: PayEnums): void => {
  const input = defineInitiateInput(builder, payMode);
  const payload = builder.objectRef<InitiateAnswer>('InitiateRecurringPaymentPayload').implement({
    fields: (t) => ({
      recurringPayment: t.expose('recurringPayment', { type: 'RecurringPayment', nullable: false }),
      clientSecret: t.exposeString('clientSecret', { nullable: true }),
      clientSecretType: t.expose('clientSecretType', { type: clientSecretType, nullable: true }),
      checkoutUrl: t.exposeString('checkoutUrl', { nullable: true }),
      publishableKey: t.exposeString('publishableKey', { nullable: false }),
    }),
  });
  builder.mutationField('initiateRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CREATE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, args, { recurring, session }) => recurring.initiate(toInitiate(args.input), session.caller),
    }),
  );
};

const defineInitiateInput = (builder: Builder, payMode: PayEnums['payMode']) =>
  builder.inputType('InitiateRecurringPaymentInput', {
    fields: (t) => ({
      orderId: t.id({ required: true }),
      priceId: t.string({ required: true }),
      quantity: t.int({ defaultValue: 1 }),
      paymentMethodId: t.id({ description: 'Pay with a saved method.' }),
      mode: t.field({ type: payMode, defaultValue: 'ELEMENTS' }),
      successUrl: t.string(),
      cancelUrl: t.string(),
      idempotencyKey: t.string(),
    }),
  });

const definePayload = (builder: Builder) =>
  builder.objectRef<{ readonly recurringPayment: RecurringPayment }>('RecurringPaymentPayload').implement({
    fields: (t) => ({
      recurringPayment: t.expose('recurringPayment', { type: 'RecurringPayment', nullable: false }),
    }),
  });

type Payload = ReturnType<typeof definePayload>;

const defineCancelAndResume = (builder: Builder, payload: Payload): void => {
  const cancelInput = defineCancelInput(builder);
  const resumeInput = builder.inputType('ResumeRecurringPaymentInput', {
    description: 'Takes back a scheduled cancellation.',
    fields: (t) => ({
      recurringPaymentId: t.id({ required: true }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('cancelRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CANCEL',
      onEveryPlan: true,
      args: { input: t.arg({ type: cancelInput, required: true }) },
      resolve: (_, { input }, context) =>
        act(context, { ...input, action: 'RECURRING_CANCELED', detail: { at: input.at } }, ({ recurring, session }) =>
          recurring.cancel(toCancel(input), session.caller),
        ),
    }),
  );
  builder.mutationField('resumeRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CANCEL',
      args: { input: t.arg({ type: resumeInput, required: true }) },
      resolve: (_, { input }, context) =>
        act(context, { ...input, action: 'RECURRING_RESUMED' }, ({ recurring, session }) =>
          recurring.resume(toNamed(input), session.caller),
        ),
    }),
  );
};

const defineChange = (builder: Builder, payload: Payload): void => {
  const input = defineChangeInput(builder);
  definePreview(builder, input);
  builder.mutationField('changeRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CHANGE',
      description: "The customer's or an operator's; what a lowered charge may come to follows the new terms.",
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input }, context) =>
        act(
          context,
          { ...input, action: 'RECURRING_CHANGED', detail: { priceId: input.priceId, quantity: input.quantity } },
          ({ recurring, session }) => recurring.change(toChange(input), session.caller),
        ),
    }),
  );
};

/** What a change would come to, and whoever may make it may look ahead. */
const definePreview = (builder: Builder, input: ReturnType<typeof defineChangeInput>): void => {
  const preview = builder.objectRef<ChangePreview>('RecurringChangePreview').implement({
    fields: (t) => ({
      amountDueNow: t.expose('amountDueNow', { type: 'MinorUnits', nullable: false }),
      nextAmount: t.expose('nextAmount', { type: 'MinorUnits', nullable: false }),
      nextAt: t.expose('nextAt', { type: 'DateTime', nullable: true }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
    }),
  });
  builder.queryField('previewRecurringChange', (t) =>
    t.field({
      type: preview,
      nullable: false,
      permission: 'RECURRING_CHANGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, args, { recurring, session }) => recurring.previewChange(toChange(args.input), session.caller),
    }),
  );
};

const defineChangeInput = (builder: Builder) => {
  const at = builder.enumType('ChangeAt', { values: CHANGE_TIMES });
  const proration = builder.enumType('Proration', {
    description:
      'What becomes of the difference of a period that has begun. ALWAYS_INVOICE: charged at once. CREATE_PRORATIONS: on the next invoice.',
    values: PRORATIONS,
  });
  return builder.inputType('ChangeRecurringPaymentInput', {
    description:
      "Price, quantity, or both. Upgrades that charge at once may leave a payment to confirm: see the recurring payment's payments.",
    fields: (t) => ({
      recurringPaymentId: t.id({ required: true }),
      priceId: t.string(),
      quantity: t.int(),
      at: t.field({ type: at, defaultValue: 'NOW' }),
      proration: t.field({ type: proration, defaultValue: 'CREATE_PRORATIONS' }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
};

const definePauses = (builder: Builder, payload: Payload): void => {
  const pauseInput = definePauseInput(builder);
  const unpauseInput = builder.inputType('UnpauseRecurringPaymentInput', {
    fields: (t) => ({
      recurringPaymentId: t.id({ required: true }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('pauseRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CHANGE',
      args: { input: t.arg({ type: pauseInput, required: true }) },
      resolve: (_, { input }, context) =>
        act(context, { ...input, action: 'RECURRING_PAUSED' }, ({ recurring, session }) =>
          recurring.pause(toPause(input), session.caller),
        ),
    }),
  );
  builder.mutationField('unpauseRecurringPayment', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'RECURRING_CHANGE',
      args: { input: t.arg({ type: unpauseInput, required: true }) },
      resolve: (_, { input }, context) =>
        act(context, { ...input, action: 'RECURRING_UNPAUSED' }, ({ recurring, session }) =>
          recurring.unpause(toNamed(input), session.caller),
        ),
    }),
  );
};

const definePauseInput = (builder: Builder) => {
  const pausedInvoices = builder.enumType('PausedInvoices', {
    description: 'What happens to invoices while collection is paused.',
    values: PAUSED_INVOICES,
  });
  return builder.inputType('PauseRecurringPaymentInput', {
    fields: (t) => ({
      recurringPaymentId: t.id({ required: true }),
      invoices: t.field({ type: pausedInvoices, defaultValue: 'VOID' }),
      resumesAt: t.field({ type: 'DateTime' }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
};

const defineCancelInput = (builder: Builder) => {
  const cancelAt = builder.enumType('CancelAt', { values: ['NOW', 'PERIOD_END'] as const });
  return builder.inputType('CancelRecurringPaymentInput', {
    description: 'By recurringPaymentId, or by the orderId it was started for; exactly one.',
    fields: (t) => ({
      recurringPaymentId: t.id(),
      orderId: t.id(),
      at: t.field({ type: cancelAt, defaultValue: 'NOW' }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
};

interface Act {
  readonly action: string;
  readonly detail?: object;
  readonly recurringPaymentId?: string | null | undefined;
  readonly orderId?: string | null | undefined;
  readonly reason?: string | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** Does something to a recurring payment; the audit keeps the reason, where one is given. */
const act = async (
  context: Context,
  { action, detail, recurringPaymentId, orderId, reason, idempotencyKey }: Act,
  work: (context: Context) => Promise<RecurringPayment>,
): Promise<{ recurringPayment: RecurringPayment }> => {
  const of = { recurringPaymentId: recurringPaymentId ?? undefined, orderId: orderId ?? undefined };
  const deed = { caller: context.session.caller, action, detail: { ...of, ...detail }, reason, idempotencyKey };
  return { recurringPayment: await withReason(context.audit, deed, () => work(context)) };
};

const toNamed = ({
  recurringPaymentId,
  idempotencyKey,
}: {
  readonly recurringPaymentId: string;
  readonly idempotencyKey?: string | null | undefined;
}) => ({ recurringPaymentId, ...(idempotencyKey == null ? {} : { idempotencyKey }) });

/** An optional field given as null is the same as one left out. */
const toInitiate = (input: ReturnType<typeof defineInitiateInput>['$inferInput']): InitiateRequest => ({
  orderId: input.orderId,
  priceId: input.priceId,
  quantity: input.quantity ?? 1,
  mode: input.mode ?? 'ELEMENTS',
  ...(input.paymentMethodId == null ? {} : { paymentMethodId: input.paymentMethodId }),
  ...(input.successUrl == null ? {} : { successUrl: input.successUrl }),
  ...(input.cancelUrl == null ? {} : { cancelUrl: input.cancelUrl }),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});

const toCancel = (input: ReturnType<typeof defineCancelInput>['$inferInput']): CancelRequest => ({
  at: input.at ?? 'NOW',
  ...(input.recurringPaymentId == null ? {} : { recurringPaymentId: input.recurringPaymentId }),
  ...(input.orderId == null ? {} : { orderId: input.orderId }),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});

const toPause = (input: ReturnType<typeof definePauseInput>['$inferInput']): PauseRequest => ({
  recurringPaymentId: input.recurringPaymentId,
  invoices: input.invoices ?? 'VOID',
  ...(input.resumesAt == null ? {} : { resumesAt: input.resumesAt }),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});

const toChange = (input: ReturnType<typeof defineChangeInput>['$inferInput']): ChangeRequest => ({
  recurringPaymentId: input.recurringPaymentId,
  at: input.at ?? 'NOW',
  proration: input.proration ?? 'CREATE_PRORATIONS',
  ...(input.priceId == null ? {} : { priceId: input.priceId }),
  ...(input.quantity == null ? {} : { quantity: input.quantity }),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});
