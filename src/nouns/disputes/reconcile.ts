import { type OpenRows, readOpenRows } from '../../inbox/open-rows.js';
import type { Database } from '../../storage/database.js';
import { NotOursError } from '../../stripe/answer.js';
import type { DisputeTransitions, HeldDisputes } from './apply.js';
import type { DisputeReads } from './read.js';
import { type Dispute, OPEN_DISPUTE } from './row.js';
import { DISPUTE_COLUMNS } from './rows.js';
import { disputeSnapshot } from './snapshot.js';

interface Parts {
  readonly database: Database;
  readonly transitions: DisputeTransitions;
  readonly paymentOf: DisputeReads['paymentOf'];
  readonly publish: (changed: HeldDisputes['changed']) => void;
}

/** The disputes without an end that Stripe is asked about. */
export const createOpenDisputes = ({ database, transitions, paymentOf, publish }: Parts): OpenRows<Dispute> => ({
  kind: 'dispute',

  read: (question) =>
    readOpenRows<Dispute>(
      database,
      {
        table: 'tollgate.dispute',
        alias: 'd',
        columns: DISPUTE_COLUMNS,
        open: OPEN_DISPUTE,
        ids: ['stripe_dispute_id'],
      },
      question,
    ),

  async ask({ id, paymentId, stripeDisputeId, version }, { gateway }) {
    const payment = await paymentOf(paymentId);
    if (!payment) throw new Error(`Payment ${paymentId} is gone, although rows are never deleted.`);
    const { object, at } = await gateway.retrieveDispute(stripeDisputeId);
    const snapshot = disputeSnapshot(object, at);
    if (snapshot.disputeId !== stripeDisputeId)
      throw new NotOursError(`${snapshot.disputeId} in place of ${stripeDisputeId}`);
    const changed = await database.transaction(async (tx) => {
      const held = await transitions.lock(tx, payment);
      // One that moved meanwhile has just been told of.
      if (held.disputes.find((dispute) => dispute.id === id)?.version !== version) return held.changed;
      const cause = { actor: 'job', body: { source: 'FETCH' as const, object }, current: true };
      const outcome = await transitions.apply(tx, held, { snapshot, cause });
      return outcome.kind === 'applied' ? outcome.changed : held.changed;
    }, payment.orderId);
    publish(changed);
    return stripeDisputeId;
  },
});
