import { SETUP_STEPS, type SetupStep } from '../installation/setup.js';
import type { Builder } from './builder.js';
import { LIMIT_MEANINGS, LIMIT_VARIABLES, type Limits } from './limits.js';

interface LimitInForce {
  readonly name: string;
  readonly value: number;
  readonly variable: string;
  readonly meaning: string;
}

const inForce = (limits: Limits): LimitInForce[] =>
  (Object.keys(LIMIT_VARIABLES) as (keyof Limits)[]).map((name) => ({
    name,
    value: limits[name],
    variable: LIMIT_VARIABLES[name],
    meaning: LIMIT_MEANINGS[name],
  }));

/** Defines what an operator sees of how far the set-up is, of the webhook endpoint, and of the limits in force. */
export const defineSetup = (builder: Builder): void => {
  const name = builder.enumType('SetupStepName', { values: SETUP_STEPS });
  const step = builder.objectRef<SetupStep>('SetupStep').implement({
    fields: (t) => ({
      step: t.expose('step', { type: name, nullable: false }),
      done: t.exposeBoolean('done', { nullable: false }),
      detail: t.exposeString('detail', { nullable: false }),
    }),
  });
  const limit = builder.objectRef<LimitInForce>('Limit').implement({
    fields: (t) => ({
      name: t.exposeString('name', { nullable: false }),
      value: t.exposeInt('value', { nullable: false }),
      variable: t.exposeString('variable', { nullable: false, description: 'The environment variable that sets it.' }),
      meaning: t.exposeString('meaning', { nullable: false }),
    }),
  });
  builder.queryFields((t) => ({
    setup: t.field({
      type: [step],
      nullable: false,
      description: 'What a new installation needs, in order, and how far it is.',
      permission: 'SETTINGS_READ',
      resolve: async (_, __, { setup }) => [...(await setup())],
    }),
    limits: t.field({
      type: [limit],
      nullable: false,
      description: 'How much one client may ask for, as it is in force.',
      permission: 'SETTINGS_READ',
      resolve: (_, __, { limits }) => inForce(limits),
    }),
  }));
};
