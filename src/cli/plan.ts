import type { Command } from 'commander';
import { PLANS } from '../installation/plan.js';
import { createOutput, type JsonOption } from './output.js';
import { withParts } from './parts.js';

const showPlan = async (options: JsonOption): Promise<void> => {
  const plan = await withParts(({ plans }) => plans.current());
  createOutput(options).data({ plan }, plan);
};

const setPlan = async (plan: string, options: JsonOption): Promise<void> => {
  const set = await withParts(({ plans }) => plans.set(plan.toUpperCase(), 'operator'));
  const going =
    set.liveRecurringPayments > 0
      ? ` ${set.liveRecurringPayments} recurring payment(s) go on charging at Stripe; they can be cancelled on any plan.`
      : '';
  createOutput(options).data(set, `The plan is ${set.plan}.${going}`);
};

/** Adds the command that reads and sets the plan. */
export const addPlanCommand = (program: Command): void => {
  program
    .command('plan')
    .description('set the plan; payments need PRO or above. Without a plan, print the one in force')
    .argument('[plan]', PLANS.join(', '))
    .option('--json', 'print it as JSON')
    .action((plan: string | undefined, options: JsonOption) =>
      plan === undefined ? showPlan(options) : setPlan(plan, options),
    );
};
