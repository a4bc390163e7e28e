import type { Built, Machine, Noun } from '../noun.js';
import { payments } from '../payments/noun.js';
import { createRefundTransitions, type HeldRefunds, type RefundTransitions } from './apply.js';
import { createRefundEvents, REFUND_EVENTS } from './events.js';
import { createRefundExport } from './export.js';
import { createFlowRefund } from './flow-refund.js';
import { defineRefund, refundKind } from './graphql.js';
import type { RefundTiming } from './make.js';
import { createRefundReads } from './read.js';
import { createOpenRefunds } from './reconcile.js';
import { createRefunds, type Refunds } from './refunds.js';
import { createRefundReservations } from './reserve.js';
import { RESERVES, Refund } from './row.js';
import { createRefundAttempts, REFUND_TIMING, type RefundAttempts } from './settle.js';
import { REFUND_STREAM } from './stream.js';
import { createLiveRefunds } from './watch.js';

declare module '../noun.js' {
  interface NounSettings {
    /** How long the search for a refund's unknown outcome waits; minutes unless told. */
    readonly refundTiming?: RefundTiming;
  }
}

/** What other nouns need of refunds. */
export interface RefundParts {
  readonly refunds: Refunds;
  readonly transitions: RefundTransitions;
  readonly attempts: RefundAttempts;
  /** Tells every process of committed changes. */
  readonly publish: (changed: HeldRefunds['changed']) => void;
}

const build = (machine: Machine): Built<RefundParts> => {
  const { database, connection, marks, orders, flows, outbox, pubsub, log } = machine;
  const timing = machine.settings.refundTiming ?? REFUND_TIMING;
  const ofPayments = machine.use(payments);
  const reads = createRefundReads(database, orders);
  const publishRefund = outbox.add(REFUND_STREAM, (ids) => reads.readMany(ids));
  const publish = (changed: HeldRefunds['changed']): void => {
    if (changed.payment) ofPayments.publish(changed.payment);
    for (const refund of changed.refunds) publishRefund(refund);
  };
  const transitions = createRefundTransitions({ payments: ofPayments.transitions, orders, flows, marks, log });
  const attempts = createRefundAttempts({ database, transitions, marks, publish, timing });
  const reservations = createRefundReservations(transitions);
  machine.flowRefunds.bind(createFlowRefund(reservations, publish));
  const refunds = createRefunds({ database, connection, reservations, attempts, reads, publish, timing, log });
  const { close, ...live } = createLiveRefunds({ pubsub, refunds, log });
  machine.onStop(close);
  const events = createRefundEvents({
    payments: ofPayments.transitions,
    refunds: transitions,
    connection,
    marks,
    publish,
    orders,
    deliversDuplicates: flows.refundCallback.duplicates === 'deliver',
    shares: flows.refundCallback.batch !== false,
  });
  return {
    parts: { refunds, transitions, attempts, publish },
    handlers: [[REFUND_EVENTS, events]],
    openRows: [createOpenRefunds(database, attempts)],
    domain: { refunds },
    exports: [createRefundExport(refunds)],
    live,
    jobs: [{ name: 'refund outcomes', run: () => refunds.findOutcomes() }],
  };
};

/** One refund of one payment. */
export const refunds: Noun<RefundParts> = {
  name: 'refunds',
  entities: [Refund],
  open: { table: 'tollgate.refund', open: RESERVES, countedAs: 'refunds' },
  stripeIds: { nodeType: 'REFUND', table: 'tollgate.refund', columns: ['stripe_refund_id'] },
  eventTypes: REFUND_EVENTS,
  node: refundKind,
  define: (builder) => defineRefund(builder),
  build,
};
