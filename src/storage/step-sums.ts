import type { TimeSteps } from '../core/time-steps.js';
import type { Statement } from './database.js';

const EQUAL = `width_bucket(extract(epoch from created_at)::float8, extract(epoch from $1::timestamptz)::float8,
  extract(epoch from $2::timestamptz)::float8, $3::integer) - 1`;

const monthOf = (time: string): string =>
  `extract(year from ${time} at time zone 'UTC') * 12 + extract(month from ${time} at time zone 'UTC')`;
const MONTH = `(${monthOf('created_at')} - (${monthOf('$1::timestamptz')}))::integer`;

/** Sums of rows by the step in which they were made, and their currency; steps and currencies without rows are left out. */
export const sumBySteps = (table: string, sums: string, { from, to, steps }: TimeSteps): Statement => ({
  text: `select ${steps === 'MONTHS' ? MONTH : EQUAL} as "step", currency, ${sums}
    from ${table} where created_at >= $1::timestamptz and created_at < $2::timestamptz
    group by 1, 2 order by 1, 2`,
  values: [from.toISOString(), to.toISOString(), ...(steps === 'MONTHS' ? [] : [steps])],
});
