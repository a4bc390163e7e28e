import { actorOf } from '../core/caller.js';
import { defineAmountUnit } from './amount-unit.js';
import type { Builder, Once } from './builder.js';

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
        const request = {
          orderTable,
          idColumn: idColumn ?? 'id',
          ...(optional.ownerColumn == null ? {} : { ownerColumn: optional.ownerColumn }),
          ...(optional.amountColumn == null ? {} : { amountColumn: optional.amountColumn }),
          ...(optional.amountUnit == null ? {} : { amountUnit: optional.amountUnit }),
          ...(optional.currencyColumn == null ? {} : { currencyColumn: optional.currencyColumn }),
          ...(optional.currency == null ? {} : { currency: optional.currency }),
        };
        await activation.activate(request, actorOf(session.caller));
        return { settings: await settings.read() };
      },
    }),
  );
};
