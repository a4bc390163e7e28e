import { InvalidArgumentError } from 'commander';

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

const SINCE = 'Write how long ago (30m, 1h, 7d) or a time since 1970 (2026-01-31T12:00:00Z).';

/** Reads `90s`, `30m`, `1h` or `7d` as seconds, for an option of a command. */
export const parseSeconds = (text: string): number => {
  const [, number, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const seconds = Number(number) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (Number.isNaN(seconds)) throw new InvalidArgumentError('Write a number and a unit: 90s, 30m, 1h or 7d.');
  return seconds;
};

/** Reads a moment in the past: how long ago (`90s`, `30m`, `1h`, `7d`), or a time such as 2026-01-31T12:00:00Z. */
export const parseSince = (text: string): Date => {
  const given = text.trim();
  const isAgo = /^\d{1,9}[smhd]$/.test(given);
  if (!isAgo && !/^\d{4}-\d{2}-\d{2}/.test(given)) throw new InvalidArgumentError(SINCE);
  const time = isAgo ? new Date(Date.now() - parseSeconds(given) * 1_000) : new Date(given);
  // What began before Stripe's clock did has no time there, nor in a database's column.
  if (!(time.getTime() >= 0)) throw new InvalidArgumentError(SINCE);
  return time;
};
