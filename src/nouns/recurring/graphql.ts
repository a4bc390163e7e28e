import { RECURRING_STATUSES } from '../../core/states.js';
import type { Builder, Once } from '../../graphql/builder.js';
import { given } from '../../graphql/given.js';
import type { NodeKind } from '../../graphql/node.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, pageRequest, toConnection } from '../../graphql/page.js';
import { whoMay } from '../../graphql/session.js';
import { definePaymentConnection } from '../payments/graphql.js';
import type { Imports } from './imports.js';
import type { Recurring } from './recurring.js';
import { agreedAmountOf, type PendingChange, pendingChangeOf, type RecurringPayment } from './row.js';
import type { LiveRecurring } from './watch.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    RecurringPayment: RecurringPayment;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly recurring: Recurring;
    readonly imports: Imports;
  }
  interface LiveStreams extends Omit<LiveRecurring, 'close'> {}
}

/** How `node` finds recurring payments. */
export const recurringKind: NodeKind = {
  typename: 'RecurringPayment',
  permission: 'RECURRING_READ',
  find: (id, { recurring, session }) => recurring.find(id, session.caller),
};

/** Defines RecurringPayment, its list, its place on a payment, and the fields that read and watch it. */
export const defineRecurring = (builder: Builder, once: Once): void => {
  const status = defineStatus(builder);
  defineRecurringType(builder, status);
  defineLinks(builder, once);
  defineRecurringQueries(builder, status);
  builder.subscriptionField('recurringPaymentUpdated', (t) =>
    t.field({
      type: 'RecurringPayment',
      nullable: false,
      permission: 'RECURRING_READ',
      args: { id: t.arg.id({ required: true }) },
      subscribe: (_, { id }, { live, session }) => live.recurringPayment(id, whoMay(session, 'RECURRING_READ')),
      resolve: (row: RecurringPayment) => row,
    }),
  );
};

const defineStatus = (builder: Builder) => builder.enumType('RecurringStatus', { values: RECURRING_STATUSES });

type StatusEnum = ReturnType<typeof defineStatus>;

const defineRecurringType = (builder: Builder, status: StatusEnum): void => {
  builder.objectType('RecurringPayment', {
    interfaces: ['Node'],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      orderId: t.exposeID('orderId', {
        nullable: false,
        description: 'The order it was started for; each later charge makes an order of its own.',
      }),
      accountId: t.exposeID('accountId', { nullable: true }),
      priceId: t.exposeString('priceId', { nullable: false }),
      quantity: t.exposeInt('quantity', { nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      initialAmount: t.expose('initialAmount', {
        type: 'MinorUnits',
        nullable: false,
        description: 'Price times quantity at the start, also with a trial. A lowered later charge may not exceed it.',
      }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      agreedAmount: t.field({
        type: 'MinorUnits',
        nullable: false,
        description: 'The most that a later charge may come to: what was agreed last, at the start or by a change.',
        resolve: agreedAmountOf,
      }),
      pendingChange: t.field({
        type: defineRecurringChange(builder),
        nullable: true,
        description: "A change of price or quantity that waits for the period's end.",
        resolve: pendingChangeOf,
      }),
      cancelAtPeriodEnd: t.exposeBoolean('cancelAtPeriodEnd', {
        nullable: false,
        description: 'True whichever way the end was scheduled.',
      }),
      cancelAt: t.expose('cancelAt', { type: 'DateTime', nullable: true }),
      canceledAt: t.expose('canceledAt', { type: 'DateTime', nullable: true }),
      endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
      collectionPaused: t.exposeBoolean('collectionPaused', { nullable: false }),
      currentPeriodEnd: t.expose('currentPeriodEnd', { type: 'DateTime', nullable: true }),
      stripeSubscriptionId: t.exposeString('stripeSubscriptionId', { nullable: true }),
      livemode: t.exposeBoolean('livemode', { nullable: false }),
      version: t.exposeInt('version', {
        nullable: false,
        description: 'Rises with every change of the row and of its payments.',
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', nullable: false }),
      timeline: t.field({
        type: ['TimelineEntry'],
        nullable: false,
        description: 'Its versions, those of its payments included; why a charge failed is in the notes.',
        permission: 'RECURRING_READ_ANY',
        resolve: ({ id }, _, { recurring }) => recurring.timeline(id),
      }),
    }),
  });
};

const defineRecurringChange = (builder: Builder) =>
  builder.objectRef<PendingChange>('RecurringChange').implement({
    fields: (t) => ({
      priceId: t.exposeString('priceId', { nullable: false }),
      quantity: t.exposeInt('quantity', { nullable: false }),
      at: t.expose('at', { type: 'DateTime', nullable: false }),
    }),
  });

/** The ways from a payment to its recurring payment and back; each only for who could read the other end by its own field. */
const defineLinks = (builder: Builder, once: Once): void => {
  builder.objectField('Payment', 'recurringPayment', (t) =>
    t.field({
      type: 'RecurringPayment',
      nullable: true,
      resolve: async ({ recurringPaymentId }, _, { recurring, session }) => {
        if (recurringPaymentId === null || !session.caller.permissions.has('RECURRING_READ')) return null;
        return recurring.readFor(recurringPaymentId, session.caller);
      },
    }),
  );
  builder.objectField('RecurringPayment', 'payments', (t) =>
    t.field({
      type: once(definePaymentConnection),
      nullable: false,
      args: { first: t.arg.int({ defaultValue: DEFAULT_FIRST }), after: t.arg.string() },
      resolve: async (row, { first, after }, { recurring, session }) => {
        const request = pageRequest({ first, after });
        if (!session.caller.permissions.has('PAYMENT_READ'))
          return toConnection({ rows: [], hasNextPage: false }, request);
        return toConnection(await recurring.paymentsOf(row, request, session.caller), request);
      },
    }),
  );
};

const defineRecurringQueries = (builder: Builder, status: StatusEnum): void => {
  const connection = defineConnection<RecurringPayment>(builder, 'RecurringPayment');
  builder.queryField('recurringPayment', (t) =>
    t.field({
      type: 'RecurringPayment',
      permission: 'RECURRING_READ',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { recurring, session }) => recurring.find(id, session.caller),
    }),
  );
  builder.queryField('recurringPayments', (t) =>
    t.field({
      type: connection,
      nullable: false,
      permission: 'RECURRING_READ',
      args: {
        orderId: t.arg.id(),
        accountId: t.arg.id(),
        status: t.arg({ type: status }),
        search: t.arg.string(),
        createdFrom: t.arg({ type: 'DateTime' }),
        createdTo: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { recurring, session }) => {
        const request = pageOfBoth({ first, after, last, before });
        return toConnection(await recurring.list({ ...request, ...given(filter) }, session.caller), request);
      },
    }),
  );
};
