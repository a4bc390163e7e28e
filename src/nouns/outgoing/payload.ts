import type { DataSource } from 'typeorm';
import { Dispute } from '../disputes/row.js';
import { Payment } from '../payments/row.js';
import { RecurringPayment } from '../recurring/row.js';
import { Refund } from '../refunds/row.js';
import type { PayloadOf } from './deliver.js';

/** Rows whose versions are told: their type in the schema, and what they are called in a payload. */
const TOLD = {
  PAYMENT: { entity: Payment, typename: 'Payment', name: 'payment' },
  REFUND: { entity: Refund, typename: 'Refund', name: 'refund' },
  RECURRING_PAYMENT: { entity: RecurringPayment, typename: 'RecurringPayment', name: 'recurringPayment' },
  DISPUTE: { entity: Dispute, typename: 'Dispute', name: 'dispute' },
} as const;
type Told = (typeof TOLD)[keyof typeof TOLD];

/** Reads a row that PostgreSQL wrote as JSON, as its entity has it. */
const rowOf = (source: DataSource, { entity }: Told, snapshot: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(
    source.getMetadata(entity).columns.map(({ propertyName, databaseName, type, transformer }) => {
      const value = snapshot[databaseName] ?? null;
      if (value === null) return [propertyName, null];
      if (type === 'timestamptz') return [propertyName, new Date(String(value))];
      return [propertyName, transformer && !Array.isArray(transformer) ? transformer.from(value) : value];
    }),
  );

/**
 * What a delivery says, in the form of Standard Webhooks ("Payload structure"): its type, when it happened, and the data: the row
 * as GraphQL names it, with the status that it had before.
 *
 * @param present shows a row as the schema does
 */
export const createPayloads =
  (source: DataSource, present: (typename: string, row: object) => object): PayloadOf =>
  ({ eventType: type, nodeType, fromStatus, snapshot, createdAt }) => {
    const timestamp = createdAt.toISOString();
    const told = (TOLD as Readonly<Record<string, Told>>)[nodeType ?? ''];
    if (!told) return { type, timestamp, data: snapshot };
    const row = present(told.typename, rowOf(source, told, snapshot));
    return { type, timestamp, data: { [told.name]: row, previousStatus: fromStatus } };
  };
