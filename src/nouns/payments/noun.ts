import { type AskApp, createAskApp } from '../../flows/payment-request.js';
import type { Redirects } from '../../installation/redirects.js';
import { customers } from '../customers/noun.js';
import type { Built, Machine, Noun } from '../noun.js';
import { createPaymentTransitions, type PaymentTransitions } from './apply.js';
import { createPaymentAttempts, type PaymentAttempts } from './attempts.js';
import { createBatchedPaymentIntents } from './batched-events.js';
import { createPaymentEndings } from './cancel-and-capture.js';
import { CHARGE_EVENTS, createChargeEvents } from './charge-events.js';
import { createCheckoutAttempts } from './checkout-attempts.js';
import { createPaymentCustomers } from './customer.js';
import { createPaymentIntentEvents, PAYMENT_INTENT_EVENTS } from './events.js';
import { createPaymentExport } from './export.js';
import { definePayment, paymentKind } from './graphql.js';
import { definePaymentEndings } from './graphql-endings.js';
import { definePay } from './graphql-pay.js';
import { createPayments, type Payments } from './payments.js';
import { createPaymentReads } from './read.js';
import { createOpenPayments } from './reconcile.js';
import { createPaymentReservations, type PaymentReservations } from './reserve.js';
import { OPEN_PAYMENT, Payment } from './row.js';
import { createPaymentObjects } from './settle.js';
import { PAYMENT_STREAM } from './stream.js';
import { createLive } from './watch.js';

declare module '../noun.js' {
  interface NounSettings {
    /** Whether payments of an account are made for its customer, also where nothing is saved. */
    readonly paymentCustomers: boolean;
  }
}

/** What other nouns need of payments. */
export interface PaymentParts {
  readonly payments: Payments;
  readonly transitions: PaymentTransitions;
  readonly attempts: PaymentAttempts;
  readonly reservations: PaymentReservations;
  readonly redirects: Redirects;
  /** Asks the app before the money; the order's lock must be held. */
  readonly askApp: AskApp;
  /** Tells every process of a committed payment. */
  readonly publish: (payment: Payment) => void;
}

const build = (machine: Machine): Built<PaymentParts> => {
  const { database, source, marks, orders, connection, redirects, flows, outbox, pubsub, log } = machine;
  const reads = createPaymentReads({ source, database, orders });
  const publish = outbox.add(PAYMENT_STREAM, (ids) => reads.readMany(ids));
  const transitions = createPaymentTransitions({ orders, flows, log });
  const objects = createPaymentObjects({ database, transitions, marks, publish });
  const ofAccounts = machine.use(customers);
  const payers = createPaymentCustomers({ ...ofAccounts, database, transitions, publish, log });
  const attempts = createPaymentAttempts({
    database,
    objects,
    checkouts: createCheckoutAttempts({ objects, redirects, customers: payers, marks }),
    customers: payers,
    marks,
  });
  const askApp = createAskApp(flows, log);
  const reservations = createPaymentReservations({
    database,
    orders,
    askApp,
    forCustomers: machine.settings.paymentCustomers,
  });
  const endings = createPaymentEndings({ database, connection, transitions, attempts, reads });
  const payments = createPayments({
    ...{ database, connection, reservations, attempts, endings, reads, redirects, publish },
    methods: ofAccounts.methods,
  });
  const deliversDuplicates = flows.paymentCallback.duplicates === 'deliver';
  // A repeated event must be looked at for itself, and a flow may want to be.
  const goAlone = deliversDuplicates || flows.paymentCallback.batch === false;
  const together = goAlone ? undefined : createBatchedPaymentIntents({ orders, flows, marks, publish, log });
  const events = { database, transitions, attempts, connection, marks, publish, deliversDuplicates, together };
  const { close, ...live } = createLive({ pubsub, payments, log });
  machine.onStop(close);
  return {
    parts: { payments, transitions, attempts, reservations, redirects, askApp, publish },
    handlers: [
      [PAYMENT_INTENT_EVENTS, createPaymentIntentEvents(events)],
      [CHARGE_EVENTS, createChargeEvents({ transitions, connection, marks, orders, publish })],
    ],
    openRows: [createOpenPayments(database, attempts)],
    domain: { payments },
    exports: [createPaymentExport(payments)],
    live,
  };
};

/** One attempt to collect money for an order. */
export const payments: Noun<PaymentParts> = {
  name: 'payments',
  entities: [Payment],
  open: { table: 'tollgate.payment', open: OPEN_PAYMENT, countedAs: 'payments' },
  stripeIds: {
    nodeType: 'PAYMENT',
    table: 'tollgate.payment',
    columns: ['stripe_payment_intent_id', 'stripe_charge_id', 'stripe_invoice_id', 'stripe_checkout_session_id'],
  },
  eventTypes: [...PAYMENT_INTENT_EVENTS, ...CHARGE_EVENTS],
  node: paymentKind,
  define(builder, once) {
    definePayment(builder, once);
    definePay(builder, once);
    definePaymentEndings(builder);
  },
  build,
};
