import { customers } from '../customers/noun.js';
import type { Built, Machine, Noun } from '../noun.js';
import { definePayEnums } from '../payments/graphql-pay.js';
import { payments } from '../payments/noun.js';
import { PAYMENT_STREAM } from '../payments/stream.js';
import { createWithdrawals } from '../payments/withdrawals.js';
import { renewals } from '../renewals/noun.js';
import { createRecurringTransitions } from './apply.js';
import { createRecurringAttempts, type RecurringAttempts } from './attempts.js';
import { createSubscriptionCheckouts } from './checkout.js';
import { CHECKOUT_EVENTS, createCheckoutEvents } from './checkout-events.js';
import { createSubscriptionEvents, SUBSCRIPTION_EVENTS } from './events.js';
import { createRecurringExport } from './export.js';
import { defineRecurring, recurringKind } from './graphql.js';
import { defineRecurringActions } from './graphql-actions.js';
import { createImports } from './imports.js';
import { createApplyInvoice } from './present-invoice.js';
import { createRecurringReads, type RecurringReads } from './read.js';
import { createOpenRecurring } from './reconcile.js';
import { createRecurring } from './recurring.js';
import { createRecurringReservations } from './reserve.js';
import { createRestoring } from './restoring.js';
import { LIVE_RECURRING, RecurringPayment } from './row.js';
import { createScheduleEvents, SCHEDULE_EVENTS } from './schedule-events.js';
import { createRecurringObjects } from './settle.js';
import { RECURRING_STREAM } from './stream.js';
import { createUnpaidInvoices } from './unpaid-invoices.js';
import { createLiveRecurring } from './watch.js';

declare module '../noun.js' {
  interface NounSettings {
    /** Whether a cancel leaves what is unpaid payable. */
    readonly keepsUnpaidInvoices: boolean;
    /** Whether an account gets the trial of a price once. */
    readonly oneTrialPerAccount: boolean;
  }
}

/** What other nouns need of recurring payments. */
export interface RecurringParts {
  readonly reads: RecurringReads;
  readonly attempts: RecurringAttempts;
}

const build = (machine: Machine): Built<RecurringParts> => {
  const { database, source, marks, orders, connection, redirects, flows, outbox, pubsub, log } = machine;
  const ofPayments = machine.use(payments);
  const { invoices } = machine.use(renewals);
  const reads = createRecurringReads({ source, database, orders });
  const publish = outbox.add(RECURRING_STREAM, (ids) => reads.readMany(ids));
  // Its version rises with its payments. A failure leaves the change unpublished; the outbox tells it within seconds.
  outbox.follow(PAYMENT_STREAM, ({ recurringPaymentId }) => {
    if (recurringPaymentId === null) return;
    reads.readMany([recurringPaymentId]).then(
      (rows) => rows.forEach(publish),
      () => undefined,
    );
  });
  const shared = { database, marks, publish };
  const transitions = createRecurringTransitions({ orders, flows, log });
  const objects = createRecurringObjects({ ...shared, transitions, customers: machine.use(customers).customers });
  const publishPayment = ofPayments.publish;
  const attempts = createRecurringAttempts({ ...shared, transitions, invoices, objects, publishPayment });
  const checkouts = createSubscriptionCheckouts({ ...shared, transitions, objects, attempts, redirects });
  const keeps = machine.settings.keepsUnpaidInvoices;
  const unpaid = createUnpaidInvoices({ database, invoices, marks, keeps, publish: publishPayment });
  const reservations = createRecurringReservations({
    orders,
    askApp: ofPayments.askApp,
    trialsOnce: machine.settings.oneTrialPerAccount,
  });
  const restoring = createRestoring({ database, connection, transitions, attempts, log });
  const recurring = createRecurring({
    restoring,
    database,
    methods: machine.use(customers).methods,
    connection,
    reservations,
    attempts,
    unpaid,
    checkouts,
    redirects,
    transitions,
    reads,
    publish,
    orders,
    askApp: ofPayments.askApp,
    applyInvoice: createApplyInvoice({ database, invoices, publish: publishPayment }),
  });
  const withdrawals = createWithdrawals({ ...ofPayments, database, connection, unpaid, log });
  const subscriptionEvents = createSubscriptionEvents({ ...shared, transitions, attempts, connection });
  const { close, ...live } = createLiveRecurring({ pubsub, recurring, log });
  machine.onStop(close);
  return {
    parts: { reads, attempts },
    handlers: [
      [SUBSCRIPTION_EVENTS, subscriptionEvents],
      [SCHEDULE_EVENTS, createScheduleEvents(subscriptionEvents)],
      [
        CHECKOUT_EVENTS,
        createCheckoutEvents({
          payments: ofPayments.transitions,
          recurring: transitions,
          connection,
          marks,
          publish: publishPayment,
          publishRecurring: publish,
        }),
      ],
    ],
    openRows: [createOpenRecurring(database, attempts, checkouts)],
    exports: [createRecurringExport(recurring)],
    domain: {
      recurring,
      imports: createImports({ database, orders, connection, marks, rehearses: machine.rehearses }),
    },
    live,
    jobs: [
      { name: 'attempts that are not needed', run: () => withdrawals.withdrawDue() },
      { name: 'changes that are to wait again', run: () => restoring.finishDue() },
    ],
  };
};

/** One subscription, begun for an order; each later charge makes an order of its own (see renewals). */
export const recurring: Noun<RecurringParts> = {
  name: 'recurring',
  entities: [RecurringPayment],
  open: { table: 'tollgate.recurring_payment', open: LIVE_RECURRING, countedAs: 'recurringPayments' },
  stripeIds: {
    nodeType: 'RECURRING_PAYMENT',
    table: 'tollgate.recurring_payment',
    columns: ['stripe_subscription_id', 'stripe_checkout_session_id'],
  },
  eventTypes: [...SUBSCRIPTION_EVENTS, ...SCHEDULE_EVENTS, ...CHECKOUT_EVENTS],
  node: recurringKind,
  define(builder, once) {
    defineRecurring(builder, once);
    defineRecurringActions(builder, once(definePayEnums));
  },
  build,
};
