import type { Built, Machine, Noun } from '../noun.js';
import { payments } from '../payments/noun.js';
import { createDisputeTransitions, type HeldDisputes } from './apply.js';
import { createDisputeEvents, DISPUTE_EVENTS } from './events.js';
import { createDisputeExport } from './export.js';
import { defineDispute, disputeKind } from './graphql.js';
import { createDisputeReads, type DisputeReads } from './read.js';
import { createOpenDisputes } from './reconcile.js';
import { Dispute, OPEN_DISPUTE } from './row.js';
import { DISPUTE_STREAM } from './stream.js';
import { createLiveDisputes } from './watch.js';

/** What other nouns need of disputes. */
export interface DisputeParts {
  readonly disputes: DisputeReads;
}

const build = (machine: Machine): Built<DisputeParts> => {
  const { database, connection, marks, flows, outbox, pubsub, log } = machine;
  const ofPayments = machine.use(payments);
  const disputes = createDisputeReads(database, machine.orders);
  const publishDispute = outbox.add(DISPUTE_STREAM, (ids) => disputes.readMany(ids));
  const publish = ({ payment, dispute }: HeldDisputes['changed']): void => {
    if (payment) ofPayments.publish(payment);
    if (dispute) publishDispute(dispute);
  };
  const transitions = createDisputeTransitions({ payments: ofPayments.transitions, flows, log });
  const { close, ...live } = createLiveDisputes({ pubsub, disputes, log });
  machine.onStop(close);
  const events = createDisputeEvents({
    payments: ofPayments.transitions,
    disputes: transitions,
    connection,
    marks,
    publish,
    orders: machine.orders,
    deliversDuplicates: flows.disputeCallback.duplicates === 'deliver',
    shares: flows.disputeCallback.batch !== false,
  });
  return {
    parts: { disputes },
    handlers: [[DISPUTE_EVENTS, events]],
    openRows: [createOpenDisputes({ database, transitions, paymentOf: disputes.paymentOf, publish })],
    domain: { disputes },
    exports: [createDisputeExport(disputes)],
    live,
  };
};

/** One dispute of one payment: the customer's bank takes it back, or asks (an inquiry). */
export const disputes: Noun<DisputeParts> = {
  name: 'disputes',
  entities: [Dispute],
  open: { table: 'tollgate.dispute', open: OPEN_DISPUTE, countedAs: 'disputes' },
  stripeIds: { nodeType: 'DISPUTE', table: 'tollgate.dispute', columns: ['stripe_dispute_id'] },
  eventTypes: DISPUTE_EVENTS,
  node: disputeKind,
  define: (builder) => defineDispute(builder),
  build,
};
