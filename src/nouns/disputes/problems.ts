import { formatMoney } from '../../core/money.js';
import { statusIn } from '../../core/status-sql.js';
import type { Finding } from '../../installation/problems.js';
import type { Queryable } from '../../storage/database.js';
import type { Dispute } from './row.js';
import { DISPUTE_COLUMNS } from './rows.js';
import { AWAITING_STATUSES } from './states.js';

const AT_MOST = 100;

const dueOf = ({ evidenceDueBy }: Dispute): string =>
  evidenceDueBy === null
    ? 'Stripe names no last day'
    : `evidence is due by ${evidenceDueBy.toISOString().replace('.000Z', 'Z')}`;

const kindOf = ({ status }: Dispute): string => (status === 'NEEDS_RESPONSE' ? 'Dispute' : 'Inquiry');

/** Disputes and inquiries that await evidence, the most urgent first. */
export const disputeProblems = async (database: Queryable): Promise<Finding[]> => {
  const waiting = await database.query<Dispute>({
    text: `select ${DISPUTE_COLUMNS} from tollgate.dispute d where ${statusIn(AWAITING_STATUSES)}
      order by evidence_due_by nulls last, id limit $1`,
    values: [AT_MOST],
  });
  return waiting.map((dispute) => ({
    code: 'DISPUTE_NEEDS_RESPONSE',
    subject: dispute.id,
    message: `${kindOf(dispute)} ${dispute.id} of payment ${dispute.paymentId} (${formatMoney(dispute.amount, dispute.currency)}, ${dispute.reason}) needs a response: ${dueOf(dispute)}.`,
    remedy: `Answer ${dispute.stripeDisputeId} in Stripe's dashboard with evidence, or accept it there: without an answer it is lost.`,
    since: dispute.createdAt,
  }));
};
