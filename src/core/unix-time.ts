import { DEADLINES } from './deadlines.js';

/** A time in whole unix seconds, as Stripe counts; 0 for none, which is before all others. */
export const unixSeconds = (date: Date | null): number => (date === null ? 0 : Math.floor(date.getTime() / 1000));

/** Since when, in unix seconds, Stripe may have an object of a row that was written then. */
export const searchSince = (writtenAt: Date): number =>
  unixSeconds(new Date(writtenAt.getTime() - DEADLINES.searchBackMs));
