import type { Builder } from './builder.js';

/** Defines activatePayments: binding the app's order table, once and for good. */
export const defineActivation = (builder: Builder): void => {
  const input = builder.inputType('ActivatePaymentsInput', {
    fields: (t) => ({
      orderTable: t.string({ required: true }),
      idColumn: t.string({ defaultValue: 'id' }),
      ownerColumn: t.string(),
      amountColumn: t.string(),
      currencyColumn: t.string(),
    }),
  });
  builder.mutationField('activatePayments', (t) =>
    t.field({
      type: 'SettingsPayload',
      nullable: false,
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { orderTable, idColumn, ...optional } }, { activation, settings }) => {
        await activation.activate({
          orderTable,
          idColumn: idColumn ?? 'id',
          ...(optional.ownerColumn == null ? {} : { ownerColumn: optional.ownerColumn }),
          ...(optional.amountColumn == null ? {} : { amountColumn: optional.amountColumn }),
          ...(optional.currencyColumn == null ? {} : { currencyColumn: optional.currencyColumn }),
        });
        return { settings: await settings.read() };
      },
    }),
  );
};
