import { type Caller, mayRead } from '../../core/caller.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page, PageRequest } from '../../core/page.js';
import type { RefundStatus } from '../../core/states.js';
import type { TimeSteps } from '../../core/time-steps.js';
import type { Database } from '../../storage/database.js';
import { createPagesOf, type PagesOf } from '../../storage/pages-of.js';
import { createRowReads } from '../../storage/row-reads.js';
import { Payment } from '../payments/row.js';
import { Refund } from './row.js';
import { REFUND_COLUMNS } from './rows.js';
import { type RefundTotals, readRefundTotals } from './totals.js';

/** Which version a refund is at. */
export interface RefundVersion {
  readonly id: string;
  readonly paymentId: string;
  readonly version: number;
}

/** Reads refunds. Who may see a payment's refunds: whose payment it is, or who may read any. */
export interface RefundReads {
  /** The refund, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<Refund | null>;
  /** The payment that a refund or a client's id names, whoever asks; undefined where there is none. Asked at once: one query. */
  paymentOf(paymentId: string): Promise<Payment | undefined>;
  /** A page of a payment's refunds, newest first, whoever asks. Asked for many payments at once: one query. */
  pageOf: PagesOf<Refund>;
  /** A page of all refunds, newest first, whoever asks. */
  list(status: RefundStatus | undefined, page: PageRequest): Promise<Page<Refund>>;
  /** Sums over all refunds, whoever asks. */
  totals(span: TimeSteps): Promise<RefundTotals[]>;
  /** Current rows of refunds, whoever asks: for the outbox and live status. */
  readMany(ids: readonly string[]): Promise<Refund[]>;
  /** Current refunds of a payment, oldest first: for live status. */
  readOfPayment(paymentId: string): Promise<Refund[]>;
  /** The newest versions of all refunds of these payments, in one query: for live status. */
  versionsOf(paymentIds: readonly string[]): Promise<RefundVersion[]>;
  /** Whether the caller may watch the payment's refunds: it exists and is theirs, or they may read any. */
  mayWatch(paymentId: string, caller: Caller): Promise<boolean>;
}

export const createRefundReads = (database: Database): RefundReads => {
  const refunds = createRowReads(database, 'refund', Refund);
  const payments = createRowReads(database, 'payment', Payment);

  const paymentOf = async (id: string): Promise<Payment | undefined> => (isNodeId(id) ? payments.one(id) : undefined);

  const mayWatch = async (paymentId: string, caller: Caller): Promise<boolean> => {
    const payment = await paymentOf(paymentId);
    return payment !== undefined && mayRead(caller, payment, 'REFUND_READ_ANY');
  };

  return {
    async find(id, caller) {
      const refund = isNodeId(id) ? await refunds.one(id) : undefined;
      return refund && (await mayWatch(refund.paymentId, caller)) ? refund : null;
    },
    paymentOf,
    totals: (span) => readRefundTotals(database, span),
    pageOf: createPagesOf<Refund>(database, {
      name: 'refund_read_pages',
      table: 'tollgate.refund',
      owner: 'payment_id',
      columns: REFUND_COLUMNS,
      alias: 'r',
    }),
    async list(status, { first, after }) {
      const rows = await database.query<Refund>({
        name: 'refund_list',
        text: `select ${REFUND_COLUMNS} from tollgate.refund r
          where ($1::text is null or status = $1) and ($2::bigint is null or id < $2) order by id desc limit $3`,
        values: [status ?? null, after ?? null, first + 1],
      });
      return { rows: rows.slice(0, first), hasNextPage: rows.length > first };
    },
    readMany: refunds.many,
    readOfPayment: (paymentId) =>
      database.query<Refund>({
        name: 'refund_read_of_payment',
        text: `select ${REFUND_COLUMNS} from tollgate.refund r where payment_id = $1 order by id`,
        values: [paymentId],
      }),
    versionsOf: (paymentIds) =>
      database.query<RefundVersion>({
        name: 'refund_versions',
        text: `select id::text as "id", payment_id::text as "paymentId", version from tollgate.refund
          where payment_id = any($1::bigint[])`,
        values: [paymentIds],
      }),
    mayWatch,
  };
};
