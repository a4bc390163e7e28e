import { InvalidArgumentError } from 'commander';

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Reads `90s`, `30m`, `1h` or `7d` as seconds, for an option of a command. */
export const parseSeconds = (text: string): number => {
  const [, number, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const seconds = Number(number) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (Number.isNaN(seconds)) throw new InvalidArgumentError('Write a number and a unit: 90s, 30m, 1h or 7d.');
  return seconds;
};

/** Reads a moment in the past: how long ago (`90s`, `30m`, `1h`, `7d`), or a time such as 2026-01-31T12:00:00Z. */
export const parseSince = (text: string): Date => {
  if (/^\d{1,9}[smhd]$/.test(text.trim())) return new Date(Date.now() - parseSeconds(text) * 1_000);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text.trim()) ? new Date(text.trim()) : undefined;
  if (time === undefined || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('Write how long ago (30m, 1h, 7d) or a time (2026-01-31T12:00:00Z).');
  return time;
};
