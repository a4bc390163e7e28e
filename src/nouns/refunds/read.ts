import { type Caller, mayRead } from '../../core/caller.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page, PageOfBoth } from '../../core/page.js';
import type { RefundStatus } from '../../core/states.js';
import type { TimeSteps } from '../../core/time-steps.js';
import type { Orders } from '../../orders/orders.js';
import type { Database } from '../../storage/database.js';
import { type Condition, isEqual, isWithin, type Listing, readPage } from '../../storage/listing.js';
import { createPagesOf, type PagesOf } from '../../storage/pages-of.js';
import { createRowReads } from '../../storage/row-reads.js';
import { paymentsSought, type Sought, soughtBy } from '../payments/list.js';
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

/** What a list of refunds may be narrowed to. */
export interface RefundFilter extends PageOfBoth {
  readonly status?: RefundStatus;
  /** Whose payments they are of. */
  readonly accountId?: string;
  /** The whole id of a refund, or of its payment: what a payment may be searched by. */
  readonly search?: string;
  /** Made at this time or later, and before that one. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
}

const LISTING: Listing = {
  table: 'tollgate.refund',
  alias: 'r',
  columns: REFUND_COLUMNS,
  time: 'created_at',
  id: 'bigint',
};

const isSought =
  (sought: Sought): Condition =>
  (bind) =>
    `r.id in (select id from tollgate.refund where id = ${bind(sought.id)}::bigint
      union all select id from tollgate.refund where stripe_refund_id = ${bind(sought.text)}
      union all select f.id from tollgate.refund f where f.payment_id in (${paymentsSought(sought, bind)}))`;

const isOfAccount =
  (accountId: string): Condition =>
  (bind) =>
    `r.payment_id in (select id from tollgate.payment where account_id = ${bind(accountId)})`;

const NONE: Page<never> = { rows: [], hasNextPage: false };

/** Reads refunds. Who may see a payment's refunds: whose payment it is, or who may read any. */
export interface RefundReads {
  /** The refund, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<Refund | null>;
  /** The payment that a refund or a client's id names, whoever asks; undefined where there is none. Asked at once: one query. */
  paymentOf(paymentId: string): Promise<Payment | undefined>;
  /** A page of a payment's refunds, newest first, whoever asks. Asked for many payments at once: one query. */
  pageOf: PagesOf<Refund>;
  /** A page of all refunds, newest first, whoever asks. */
  list(filter: RefundFilter): Promise<Page<Refund>>;
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

export const createRefundReads = (database: Database, orders: Pick<Orders, 'keyOf'>): RefundReads => {
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
    async list({ status, accountId, search, createdFrom, createdTo, ...page }) {
      const sought = await soughtBy(search, orders, isSought);
      if (!sought) return NONE;
      const conditions = [
        ...isEqual('r.status', status),
        ...(accountId === undefined ? [] : [isOfAccount(accountId)]),
        ...isWithin('r.created_at', createdFrom, createdTo),
        ...sought,
      ];
      return readPage<Refund>(database, LISTING, conditions, page);
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
