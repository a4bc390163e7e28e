import pg from 'pg';
import { UnavailableError } from '../core/errors.js';
import { NoSlotError } from '../core/slots.js';

/** Someone keeps what we wait for, or too many want it. Source: PostgreSQL docs, "PostgreSQL Error Codes". */
const BUSY_CODES: ReadonlySet<unknown> = new Set([
  '55P03', // lock_not_available: lock_timeout
  '57014', // query_canceled: statement_timeout
  '40P01', // deadlock_detected, again and again
  '40001', // serialization_failure, again and again
  '53300', // too_many_connections
]);
/** What pg says when no connection of its pool became free in time. */
const NO_CONNECTION = 'timeout exceeded when trying to connect';
const RETRY_AFTER_SECONDS = 2;

const isBusy = (error: unknown): boolean =>
  error instanceof NoSlotError ||
  (error instanceof pg.DatabaseError && BUSY_CODES.has(error.code)) ||
  (error instanceof Error && error.message === NO_CONNECTION);

/** What a client is told of expected overload; anything else stays as it is. */
export const busyOr = (error: unknown): unknown =>
  isBusy(error) ? new UnavailableError(RETRY_AFTER_SECONDS, { cause: error }) : error;
