import { type Caller, mayRead } from '../../core/caller.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page, PageOfBoth } from '../../core/page.js';
import type { Orders } from '../../orders/orders.js';
import type { Database } from '../../storage/database.js';
import { type Condition, isEqual, isWithin, type Listing, readPage } from '../../storage/listing.js';
import { createPagesOf, type PagesOf } from '../../storage/pages-of.js';
import { createRowReads } from '../../storage/row-reads.js';
import { paymentsSought, type Sought, soughtBy } from '../payments/list.js';
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
export interface DisputeFilter extends PageOfBoth {
  readonly paymentId?: string;
  readonly status?: DisputeStatus;
  /** The whole id of a dispute, or of its payment: what a payment may be searched by. */
  readonly search?: string;
  /** Opened at this time or later, and before that one. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
}

const LISTING: Listing = {
  table: 'tollgate.dispute',
  alias: 'd',
  columns: DISPUTE_COLUMNS,
  join: 'join tollgate.payment p on p.id = d.payment_id',
  time: 'created_at',
  id: 'bigint',
};

const isSought =
  (sought: Sought): Condition =>
  (bind) =>
    `d.id in (select id from tollgate.dispute where id = ${bind(sought.id)}::bigint
      union all select id from tollgate.dispute where stripe_dispute_id = ${bind(sought.text)}
      union all select f.id from tollgate.dispute f where f.payment_id in (${paymentsSought(sought, bind)}))`;

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

export const createDisputeReads = (database: Database, orders: Pick<Orders, 'keyOf'>): DisputeReads => {
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

    async list({ paymentId, status, search, createdFrom, createdTo, ...page }, caller) {
      const readsAny = caller.permissions.has('PAYMENT_READ_ANY');
      if (paymentId !== undefined && !isNodeId(paymentId)) return NONE;
      if (!readsAny && caller.accountId === null) return NONE;
      const sought = await soughtBy(search, orders, isSought);
      if (!sought) return NONE;
      const conditions = [
        ...isEqual('d.payment_id', paymentId),
        ...isEqual('d.status', status),
        ...isEqual('p.account_id', readsAny ? undefined : caller.accountId),
        ...isWithin('d.created_at', createdFrom, createdTo),
        ...sought,
      ];
      return readPage<Dispute>(database, LISTING, conditions, page);
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
