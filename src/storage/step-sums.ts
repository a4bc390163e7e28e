import { stepStart, type TimeSteps } from '../core/time-steps.js';
import type { Statement } from './database.js';

/** Where each step begins, and at last where the span ends. */
const boundsOf = (span: TimeSteps): readonly Date[] => {
  const bounds = [span.from];
  for (let step = 1; stepStart(span, step) < span.to; step += 1) bounds.push(stepStart(span, step));
  return [...bounds, span.to];
};

/**
 * Sums of rows by the step in which they were made, and their currency; steps and currencies without rows are left out. Each step reads its
 * rows by the index of `created_at`: grouped by an expression, millions of rows would be sorted on disk.
 */
export const sumBySteps = (table: string, sums: string, span: TimeSteps): Statement => {
  const bounds = boundsOf(span).map((at) => at.toISOString());
  return {
    text: `select (step.number - 1)::integer as "step", sums.*
      from unnest($1::timestamptz[], $2::timestamptz[]) with ordinality as step (begins, ends, number)
      cross join lateral (select currency, ${sums} from ${table} where created_at >= step.begins and created_at < step.ends
        group by currency) sums
      order by 1, 2`,
    values: [bounds.slice(0, -1), bounds.slice(1)],
  };
};
