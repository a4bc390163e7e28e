import type { Database } from '../storage/database.js';
import { includesPayments } from './plan.js';
import type { Settings } from './settings.js';

/** What a new installation needs, in the order in which one would do it. */
export const SETUP_STEPS = ['DATABASE', 'ORDER_TABLE', 'PLAN', 'KEYS', 'WEBHOOK', 'FIRST_PAYMENT'] as const;
export type SetupStepName = (typeof SETUP_STEPS)[number];

/** One step, and how it stands. */
export interface SetupStep {
  readonly step: SetupStepName;
  readonly done: boolean;
  /** How it stands, or what to do, in words. */
  readonly detail: string;
}

/** Tells a person who sets it up what is done. */
export type ReadSetup = () => Promise<readonly SetupStep[]>;

interface Seen {
  readonly eventAt: Date | null;
  readonly hasSucceeded: boolean;
  readonly hasBegun: boolean;
}

const readSeen = async (database: Database): Promise<Seen> => {
  const [seen] = await database.query<Seen>({
    text: `select (select received_at from tollgate.stripe_event order by received_at desc limit 1) as "eventAt",
      exists (select from tollgate.payment where status = 'SUCCESSFUL') as "hasSucceeded",
      exists (select from tollgate.payment) as "hasBegun"`,
  });
  return seen ?? { eventAt: null, hasSucceeded: false, hasBegun: false };
};

const webhookWords = ({ eventAt }: Seen, isSecretSet: boolean): string => {
  if (eventAt) return `The last event came at ${eventAt.toISOString()}.`;
  return isSecretSet
    ? 'A signing secret is set; no event has come yet.'
    : 'Set PUBLIC_URL before the keys are stored, so that the endpoint is registered, or give the secret of one of yours.';
};

/** Builds it over the settings, and over what was received. */
export const createSetup =
  ({ database, settings }: { database: Database; settings: Pick<Settings, 'read'> }): ReadSetup =>
  async () => {
    const [present, seen] = await Promise.all([settings.read(), readSeen(database)]);
    const { orderTable, plan, secretKeySet, publishableKey, livemode, webhookSecretSet } = present;
    const hasKeys = secretKeySet && publishableKey !== null;
    return [
      { step: 'DATABASE', done: true, detail: 'It answers, and its tables are there.' },
      {
        step: 'ORDER_TABLE',
        done: orderTable !== null,
        detail: orderTable ? `Bound to ${orderTable.tableName}.` : 'Bind the table of your orders; it is for good.',
      },
      {
        step: 'PLAN',
        done: includesPayments(plan),
        detail: includesPayments(plan) ? `The plan is ${plan}.` : `The plan ${plan} takes no payments: choose PRO.`,
      },
      {
        step: 'KEYS',
        done: hasKeys,
        detail: hasKeys ? `Keys of Stripe's ${livemode ? 'live' : 'test'} mode are set.` : "Store Stripe's keys.",
      },
      {
        step: 'WEBHOOK',
        done: webhookSecretSet && seen.eventAt !== null,
        detail: webhookWords(seen, webhookSecretSet),
      },
      {
        step: 'FIRST_PAYMENT',
        done: seen.hasSucceeded,
        detail: seen.hasSucceeded
          ? 'A payment has succeeded.'
          : seen.hasBegun
            ? 'A payment was begun; none has succeeded yet.'
            : 'No payment was begun yet.',
      },
    ];
  };
