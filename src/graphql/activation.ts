import { actorOf } from '../core/caller.js';
import type { Rehearsed } from '../orders/activation.js';
import { defineAmountUnit } from './amount-unit.js';
import type { Builder, Once } from './builder.js';
import { given } from './given.js';

/** Defines activatePayments: binding the app's order table, once and for good. */
export const defineActivation = (builder: Builder, once: Once): void => {
  const amountUnit = once(defineAmountUnit);
  const input = builder.inputType('ActivatePaymentsInput', {
    fields: (t) => ({
      orderTable: t.string({ required: true }),
      idColumn: t.string({ defaultValue: 'id' }),
      ownerColumn: t.string(),
      amountColumn: t.string(),
      amountUnit: t.field({
        type: amountUnit,
        description: 'MINOR unless given. MAJOR needs currencyColumn or currency.',
      }),
      currencyColumn: t.string(),
      currency: t.string({ description: 'The one currency of all orders, in the place of a column.' }),
    }),
  });
  builder.mutationField('activatePayments', (t) =>
    t.field({
      type: 'SettingsPayload',
      nullable: false,
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { orderTable, idColumn, ...optional } }, { activation, settings, session }) => {
        const request = { orderTable, idColumn: idColumn ?? 'id', ...given(optional) };
        await activation.activate(request, actorOf(session.caller));
        return { settings: await settings.read() };
      },
    }),
  );
  const preview = definePreview(builder);
  builder.queryField('previewActivation', (t) =>
    t.field({
      type: preview,
      nullable: false,
      description:
        'What activatePayments would come to; it refuses what that would refuse, and keeps nothing. The order table is locked for a moment.',
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input: { orderTable, idColumn, ...optional } }, { activation }) =>
        activation.rehearse({ orderTable, idColumn: idColumn ?? 'id', ...given(optional) }),
    }),
  );
};

const definePreview = (builder: Builder) => {
  const file = builder.objectRef<Rehearsed['flowFiles'][number]>('FlowFile').implement({
    fields: (t) => ({
      file: t.exposeString('file', { nullable: false }),
      state: t.string({
        nullable: false,
        description: 'ABSENT, OUTDATED or FOREIGN: it would be written. EDITED and CURRENT: it stays.',
        resolve: ({ state }) => state.toUpperCase(),
      }),
      problem: t.string({ resolve: ({ problem }) => problem ?? null }),
    }),
  });
  return builder.objectRef<Rehearsed>('ActivationPreview').implement({
    description: 'A binding is for good.',
    fields: (t) => ({
      orderTable: t.field({ type: 'OrderTableBinding', nullable: false, resolve: ({ binding }) => binding }),
      idType: t.string({
        nullable: false,
        description: "The type of the orders' key, which the foreign keys get.",
        resolve: ({ binding }) => binding.idType,
      }),
      isBound: t.exposeBoolean('isBound', {
        nullable: false,
        description: 'It is bound already, like this: only what is missing would be added.',
      }),
      files: t.field({
        type: [file],
        nullable: false,
        description: "The callback flows' files as they are.",
        resolve: ({ flowFiles }) => [...flowFiles],
      }),
    }),
  });
};
