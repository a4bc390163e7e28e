import { type Caller, mayRead } from '../../core/caller.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page, PageRequest } from '../../core/page.js';
import type { Database } from '../../storage/database.js';
import { createPagesOf, type PagesOf } from '../../storage/pages-of.js';
import { createRowReads } from '../../storage/row-reads.js';
import { Payment } from '../payments/row.js';
import { Dispute } from './row.js';
import { DISPUTE_COLUMNS } from './rows.js';
import type { DisputeStatus } from './states.js';

/** Which version a dispute is at. */
export interface DisputeVersion {
  readonly id: string;
  readonly paymentId: string;
  readonly version: number;
}

/** What a list of disputes may be narrowed to. */
export interface DisputeFilter extends PageRequest {
  readonly paymentId?: string;
  readonly status?: DisputeStatus;
}

/** Reads disputes. Who may see one: whose payment it is, or who may read any payment. */
export interface DisputeReads {
  /** The dispute, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<Dispute | null>;
  /** A page of the disputes that the caller may see, newest first. */
  list(filter: DisputeFilter, caller: Caller): Promise<Page<Dispute>>;
  /** The payment that a dispute names, whoever asks. Asked at once: one query. */
  paymentOf(paymentId: string): Promise<Payment | undefined>;
  /** A page of a payment's disputes, newest first, whoever asks. Asked for many payments at once: one query. */
  pageOf: PagesOf<Dispute>;
  /** Current rows of disputes, whoever asks: for the outbox and live status. */
  readMany(ids: readonly string[]): Promise<Dispute[]>;
  /** Current disputes of a payment, oldest first: for live status. */
  readOfPayment(paymentId: string): Promise<Dispute[]>;
  /** The newest versions of all disputes of these payments, in one query: for live status. */
  versionsOf(paymentIds: readonly string[]): Promise<DisputeVersion[]>;
  /** Whether the caller may watch the payment's disputes: it exists and is theirs, or they may read any. */
  mayWatch(paymentId: string, caller: Caller): Promise<boolean>;
}

const NONE: Page<never> = { rows: [], hasNextPage: false };

export const createDisputeReads = (database: Database): DisputeReads => {
  const disputes = createRowReads(database, 'dispute', Dispute);
  const payments = createRowReads(database, 'payment', Payment);

  const paymentOf = async (id: string): Promise<Payment | undefined> => (isNodeId(id) ? payments.one(id) : undefined);

  const mayWatch = async (paymentId: string, caller: Caller): Promise<boolean> => {
    const payment = await paymentOf(paymentId);
    return payment !== undefined && mayRead(caller, payment, 'PAYMENT_READ_ANY');
  };

  return {
    async find(id, caller) {
      const dispute = isNodeId(id) ? await disputes.one(id) : undefined;
      return dispute && (await mayWatch(dispute.paymentId, caller)) ? dispute : null;
    },

    async list({ paymentId, status, first, after }, caller) {
      const readsAny = caller.permissions.has('PAYMENT_READ_ANY');
      if (paymentId !== undefined && !isNodeId(paymentId)) return NONE;
      if (!readsAny && caller.accountId === null) return NONE;
      const rows = await database.query<Dispute>({
        name: 'dispute_list',
        text: `select ${DISPUTE_COLUMNS} from tollgate.dispute d join tollgate.payment p on p.id = d.payment_id
          where ($1::bigint is null or d.payment_id = $1) and ($2::text is null or d.status = $2)
            and ($3::text is null or p.account_id = $3) and ($4::bigint is null or d.id < $4)
          order by d.id desc limit $5`,
        values: [paymentId ?? null, status ?? null, readsAny ? null : caller.accountId, after ?? null, first + 1],
      });
      return { rows: rows.slice(0, first), hasNextPage: rows.length > first };
    },

    paymentOf,
    pageOf: createPagesOf<Dispute>(database, {
      name: 'dispute_read_pages',
      table: 'tollgate.dispute',
      owner: 'payment_id',
      columns: DISPUTE_COLUMNS,
      alias: 'd',
    }),
    readMany: disputes.many,
    readOfPayment: (paymentId) =>
      database.query<Dispute>({
        name: 'dispute_read_of_payment',
        text: `select ${DISPUTE_COLUMNS} from tollgate.dispute d where payment_id = $1 order by id`,
        values: [paymentId],
      }),
    versionsOf: (paymentIds) =>
      database.query<DisputeVersion>({
        name: 'dispute_versions',
        text: `select id::text as "id", payment_id::text as "paymentId", version from tollgate.dispute
          where payment_id = any($1::bigint[])`,
        values: [paymentIds],
      }),
    mayWatch,
  };
};
