import { stepStart, type TimeSteps } from '../../core/time-steps.js';
import type { Database } from '../../storage/database.js';
import { sumBySteps } from '../../storage/step-sums.js';

/** What became of the refunds that were begun in a step of time, in one currency. */
export interface RefundTotals {
  readonly from: Date;
  readonly currency: string;
  readonly refunds: number;
  /** Minor units; a sum, so it may have more digits than an amount. */
  readonly refunded: number;
  readonly pending: number;
  readonly failed: number;
}

const SUMS = `count(*) filter (where status = 'REFUNDED')::integer as "refunds",
  coalesce(sum(amount) filter (where status = 'REFUNDED'), 0)::float8 as "refunded",
  count(*) filter (where status in ('PENDING', 'REQUIRES_ACTION'))::integer as "pending",
  count(*) filter (where status = 'FAILED')::integer as "failed"`;

/** Sums over all refunds, by when they were begun, whoever asks. */
export const readRefundTotals = async (database: Database, span: TimeSteps): Promise<RefundTotals[]> => {
  const rows = await database.query<Omit<RefundTotals, 'from'> & { step: number }>(
    sumBySteps('tollgate.refund', SUMS, span),
  );
  return rows.map(({ step, ...sums }) => ({ ...sums, from: stepStart(span, step) }));
};
