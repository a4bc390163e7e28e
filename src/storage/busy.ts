import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { DatabaseDownError, UnavailableError } from '../core/errors.js';
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

/** The database can't be reached, stops, starts, or can't be written. Source: PostgreSQL docs, "PostgreSQL Error Codes". */
const DOWN_CODES: ReadonlySet<unknown> = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '53100', // disk_full
  '53200', // out_of_memory
  '25006', // read_only_sql_transaction: a standby, after a switch
]);
/** The same, as a class: connection exceptions. */
const CONNECTION_EXCEPTION = '08';
/** What the operating system says where a connection isn't made, or is lost. Source: Node.js docs, "Common system errors". */
const LINK_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // of a socket in the file system
]);
/** What pg says of a connection that it lost. */
const LOST_CONNECTION = /^(Connection terminated|Client has encountered a connection error|Client was closed)/;
const DOWN_RETRY_AFTER_SECONDS = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof NoSlotError ||
  (error instanceof pg.DatabaseError && BUSY_CODES.has(error.code)) ||
  (error instanceof Error && error.message === NO_CONNECTION);

const isDown = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isDown); // a name with several addresses
  if (error instanceof pg.DatabaseError)
    return DOWN_CODES.has(error.code) || error.code?.startsWith(CONNECTION_EXCEPTION) === true;
  if (!(error instanceof Error)) return false;
  return LINK_CODES.has((error as NodeJS.ErrnoException).code) || LOST_CONNECTION.test(error.message);
};

/** What a client sees of expected overload; other errors stay as they are. */
export const busyOr = (error: unknown): unknown =>
  isBusy(error) ? new UnavailableError(RETRY_AFTER_SECONDS, { cause: error }) : error;

/** The same, and what a client is told while the database is down; also for what TypeORM threw. */
export const unavailableOr = (error: unknown): unknown => {
  const own: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (isDown(own)) return new DatabaseDownError(DOWN_RETRY_AFTER_SECONDS, { cause: error });
  return isBusy(own) ? busyOr(own) : error;
};
