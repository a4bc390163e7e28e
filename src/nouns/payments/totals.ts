import { stepStart, type TimeSteps } from '../../core/time-steps.js';
import type { Database } from '../../storage/database.js';
import { sumBySteps } from '../../storage/step-sums.js';
import { paidPayment } from './row.js';

/** What became of the payments that were begun in a step of time, in one currency. */
export interface PaymentTotals {
  readonly from: Date;
  readonly currency: string;
  readonly succeeded: number;
  /** Minor units; a sum, so it may have more digits than an amount. */
  readonly received: number;
  readonly failed: number;
}

const SUMS = `count(*) filter (where ${paidPayment()})::integer as "succeeded",
  coalesce(sum(amount_received) filter (where ${paidPayment()}), 0)::float8 as "received",
  count(*) filter (where status = 'FAILED')::integer as "failed"`;

/** Sums over all payments, by when they were begun, whoever asks. */
export const readPaymentTotals = async (database: Database, span: TimeSteps): Promise<PaymentTotals[]> => {
  const rows = await database.query<Omit<PaymentTotals, 'from'> & { step: number }>(
    sumBySteps('tollgate.payment', SUMS, span),
  );
  return rows.map(({ step, ...sums }) => ({ ...sums, from: stepStart(span, step) }));
};
