import { BadUserInputError, FeatureInactiveError } from '../core/errors.js';
import { audited } from '../storage/audit.js';
import type { Database } from '../storage/database.js';

/** Every plan, from the least to the most. */
export const PLANS = ['FREE', 'BASIC', 'PRO', 'ENTERPRISE'] as const;
export type Plan = (typeof PLANS)[number];

/** Which plan is in force, and what it allows. */
export interface Plans {
  /** The plan in force: FREE until one is set. Known for a few seconds, or until `forget`. */
  current(): Promise<Plan>;
  /**
   * Sets the plan and tells every process. Payments that are under way go on whatever the plan. Twice changes nothing.
   *
   * @param actor who sets it: `account:<id>` or `operator`
   * @throws BadUserInputError for a name that is no plan
   */
  set(plan: string, actor: string): Promise<PlanSet>;
  /** @throws FeatureInactiveError when the plan does not include payments (PRO and above do) */
  assertActive(): Promise<void>;
  /** Forgets what was read: another process set the plan. */
  forget(): void;
}

/** What setting a plan came to. */
export interface PlanSet {
  readonly plan: Plan;
  /** Subscriptions that go on charging at Stripe, whatever the plan. */
  readonly liveRecurringPayments: number;
}

interface Parts {
  readonly database: Database;
  /** Tells every process that the settings changed. */
  readonly changed?: () => Promise<void>;
}

/** Should the word of a change be lost, the plan is read again after this. */
const KEPT_MS = 5_000;

const isPlan = (name: unknown): name is Plan => (PLANS as readonly unknown[]).includes(name);

/** Whether the plan includes payments. */
export const includesPayments = (plan: Plan): boolean => plan === 'PRO' || plan === 'ENTERPRISE';

/** Sets the plan only where none was ever set; twice changes nothing. */
export const setFirstPlan = async (database: Database, plan: Plan, actor: string): Promise<void> => {
  await database.query({
    text: `insert into tollgate.setting (key, value) values ('plan', jsonb_build_object('plan', $1::text, 'by', $2::text))
      on conflict (key) do nothing`,
    values: [plan, actor],
  });
};

/** Builds the plan's reader and writer, with a short memory. */
export const createPlans = ({ database, changed }: Parts): Plans => {
  let known: { plan: Promise<Plan>; until: number } | undefined;

  const read = async (): Promise<Plan> => {
    const [row] = await database.query<{ plan: string }>({
      name: 'plan_read',
      text: `select value ->> 'plan' as "plan" from tollgate.setting where key = 'plan'`,
    });
    return isPlan(row?.plan) ? row.plan : 'FREE';
  };
  const current = (): Promise<Plan> => {
    if (!known || known.until < performance.now()) {
      const entry = { plan: read(), until: performance.now() + KEPT_MS };
      known = entry;
      entry.plan.catch(() => {
        if (known === entry) known = undefined;
      });
    }
    return known.plan;
  };
  const countLive = async (): Promise<number> => {
    const [row] = await database.query<{ count: number }>({
      text: `select count(*) as "count" from tollgate.recurring_payment
        where status in ('TRIALING', 'ACTIVE', 'PAST_DUE') and not collection_paused`,
    });
    return row?.count ?? 0;
  };

  return {
    current,
    async set(plan, actor) {
      if (!isPlan(plan)) throw new BadUserInputError(`There is no plan "${plan}". The plans are ${PLANS.join(', ')}.`);
      const change = {
        text: `insert into tollgate.setting as s (key, value)
          values ('plan', jsonb_build_object('plan', $1::text, 'by', $2::text))
          on conflict (key) do update set value = excluded.value, updated_at = now()
            where s.value ->> 'plan' is distinct from excluded.value ->> 'plan'`,
        values: [plan, actor],
      };
      await database.query(audited(change, { actor, action: 'PLAN_SET', detail: { plan } }));
      known = undefined;
      await changed?.();
      return { plan, liveRecurringPayments: await countLive() };
    },
    async assertActive() {
      const plan = await current();
      if (!includesPayments(plan)) throw new FeatureInactiveError(plan);
    },
    forget() {
      known = undefined;
    },
  };
};
