import type { Interval } from './resources/price-row.js';

const DAY = 24 * 60 * 60;

const addMonths = (start: number, months: number): number => {
  const date = new Date(start * 1_000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return Math.floor(date.getTime() / 1_000);
};

/** A time in seconds plus so many intervals; the 31st becomes the last day of a shorter month (Stripe: "Billing cycle"). */
const addIntervals = (start: number, interval: Interval, count: number): number => {
  if (interval === 'day') return start + count * DAY;
  if (interval === 'week') return start + count * 7 * DAY;
  return addMonths(start, interval === 'year' ? count * 12 : count);
};

/** The first end of a period after `from`, counted from the billing cycle anchor so that no month's length is lost. */
export const nextPeriodEnd = (
  anchor: number,
  { interval, interval_count: count }: { interval: Interval; interval_count: number },
  from: number,
): number => {
  let steps = 0;
  let end = anchor;
  while (end <= from) {
    steps += 1;
    end = addIntervals(anchor, interval, steps * count);
  }
  return end;
};
