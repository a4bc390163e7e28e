import type { Payment } from '../nouns/payments/row.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { Refund } from '../nouns/refunds/row.js';

/** The fields of a row that hold times. */
type TimeField<Row> = { [Key in keyof Row]-?: Date extends Row[Key] ? Key : never }[keyof Row];

/** Every time of a payment: the compiler asks for a new one here. */
const PAYMENT_TIMES: Readonly<Record<TimeField<Payment>, true>> = {
  attemptedAt: true,
  excessAt: true,
  withdrawAt: true,
  seenAt: true,
  createdAt: true,
  updatedAt: true,
};

/** Every time of a refund. */
const REFUND_TIMES: Readonly<Record<TimeField<Refund>, true>> = {
  attemptedAt: true,
  absentSince: true,
  nextCheckAt: true,
  seenAt: true,
  createdAt: true,
  updatedAt: true,
};

/** Every time of a recurring payment. */
const RECURRING_TIMES: Readonly<Record<TimeField<RecurringPayment>, true>> = {
  cancelAt: true,
  canceledAt: true,
  endedAt: true,
  currentPeriodEnd: true,
  attemptedAt: true,
  seenAt: true,
  createdAt: true,
  updatedAt: true,
};

/** The message that carries a row: its JSON. */
export const encodeRow = (row: { readonly id: string; readonly version: number }): string => JSON.stringify(row);

/** Reads a message back to the row that `encodeRow` wrote, times as dates. Throws what isn't a row. */
const decodeRow = <Row extends object>(message: string, times: Readonly<Record<TimeField<Row>, true>>): Row => {
  const row: Record<string, unknown> = JSON.parse(message);
  if (typeof row['id'] !== 'string' || !Number.isInteger(row['version'])) throw new Error('The message is not a row.');
  for (const field of Object.keys(times)) {
    const time = row[field];
    if (typeof time === 'string') row[field] = new Date(time);
  }
  return row as Row;
};

/** Reads the message of a payment. Throws what isn't a row. */
export const decodePayment = (message: string): Payment => decodeRow<Payment>(message, PAYMENT_TIMES);

/** Reads the message of a refund. Throws what isn't a row. */
export const decodeRefund = (message: string): Refund => decodeRow<Refund>(message, REFUND_TIMES);

/** Reads the message of a recurring payment. Throws what isn't a row. */
export const decodeRecurring = (message: string): RecurringPayment =>
  decodeRow<RecurringPayment>(message, RECURRING_TIMES);
