import type { FlowFiles } from '../flows/flow-files.js';
import { readFlowTarget } from '../flows/flow-target.js';
import { includesPayments, type Plans } from '../installation/plan.js';
import type { Orders } from '../orders/orders.js';
import type { Database } from '../storage/database.js';
import { readProtection } from '../storage/protection.js';
import { UNDO } from './database-checks.js';

/** A setup problem for the operator to fix, with its message. */
export interface SetupProblem {
  readonly code:
    | 'NOT_ACTIVATED'
    | 'PLAN_INACTIVE'
    | 'PROTECTION_INCOMPLETE'
    | 'DEFINITIONS_CHANGED'
    | 'FLOW_FILE'
    | 'FLOW_NOT_FINISHED';
  readonly subject?: string;
  readonly message: string;
  readonly remedy: string;
}

interface Parts {
  readonly database: Database;
  readonly orders: Pick<Orders, 'findBinding'>;
  readonly plans: Pick<Plans, 'current'>;
  /** Left out: the flows' files are not looked at. */
  readonly flowFiles?: FlowFiles | undefined;
}

const findFlowProblems = async ({ database, orders, flowFiles }: Parts): Promise<SetupProblem[]> => {
  const binding = await orders.findBinding();
  if (!binding || !flowFiles) return [];
  const files = await flowFiles.inspect(await readFlowTarget(database, binding));
  const unwritten = files
    .filter(({ state }) => state === 'absent' || state === 'foreign')
    .map(({ file, state }) => ({
      code: 'FLOW_FILE' as const,
      subject: file,
      message: state === 'absent' ? `${file} is missing.` : `${file} is not written for ${binding.tableName}.`,
      remedy: 'Run "npx tollgate activate" with the same binding again: it writes the file. Then start again.',
    }));
  const unfinished = files.flatMap(({ file, state, problem }) =>
    problem === undefined || state === 'foreign'
      ? []
      : [
          {
            code: 'FLOW_NOT_FINISHED' as const,
            subject: file,
            message: `${file} is as it was generated, and ${problem}.`,
            remedy: 'Write into the file what this means for your orders; from then on it is yours.',
          },
        ],
  );
  return [...unwritten, ...unfinished];
};

/** Looks at the binding, the plan, the database's protection and the flows' files; changes nothing. */
export const findSetupProblems = async (parts: Parts): Promise<SetupProblem[]> => {
  const plan = await parts.plans.current();
  const protection = await readProtection(parts.database);
  const problems = await findFlowProblems(parts);
  for (const message of protection.missing)
    problems.push({
      code: 'PROTECTION_INCOMPLETE',
      subject: message,
      message,
      remedy:
        'Run "npx tollgate migrate"; where its role may not, "npx tollgate activate" prints the SQL for a superuser.',
    });
  for (const words of protection.changed)
    problems.push({ code: 'DEFINITIONS_CHANGED', subject: words, message: `In the catalogs, ${words}.`, remedy: UNDO });
  if (!includesPayments(plan))
    problems.push({
      code: 'PLAN_INACTIVE',
      message: `The plan is ${plan}: payment actions answer FEATURE_INACTIVE.`,
      remedy: 'Set it with "npx tollgate plan PRO".',
    });
  if (!(await parts.orders.findBinding()))
    problems.push({
      code: 'NOT_ACTIVATED',
      message: 'No order table is bound.',
      remedy: 'Bind it with "npx tollgate activate --order-table schema.table".',
    });
  return problems;
};
