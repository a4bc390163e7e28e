import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Flows } from '../flows/flows.js';
import { createRedirects } from '../installation/redirects.js';
import { createPaymentTransitions, type PaymentTransitions } from '../nouns/payments/apply.js';
import { createPaymentAttempts, type PaymentAttempts } from '../nouns/payments/attempts.js';
import { createPaymentEndings } from '../nouns/payments/cancel-and-capture.js';
import { createCheckoutAttempts } from '../nouns/payments/checkout-attempts.js';
import { createPayments, type Payments } from '../nouns/payments/payments.js';
import { createPaymentReservations } from '../nouns/payments/reserve.js';
import { createPaymentObjects } from '../nouns/payments/settle.js';
import { createWithdrawals, type Withdrawals } from '../nouns/payments/withdrawals.js';
import { createRecurringParts, type RecurringParts } from '../nouns/recurring/parts.js';
import { createRefundTransitions, type RefundTransitions } from '../nouns/refunds/apply.js';
import { createRefunds, type Refunds } from '../nouns/refunds/refunds.js';
import { createRefundReservations } from '../nouns/refunds/reserve.js';
import { createRefundAttempts, type RefundAttempts, type RefundTiming } from '../nouns/refunds/settle.js';
import type { Announcements } from './announcements.js';
import type { OperatorParts } from './operator.js';
import type { Storage } from './storage.js';

/** Payments, refunds and recurring payments, with what moves them. */
export interface Money {
  readonly payments: Payments;
  readonly transitions: PaymentTransitions;
  readonly attempts: PaymentAttempts;
  readonly withdrawals: Withdrawals;
  readonly refunds: Refunds;
  readonly refundTransitions: RefundTransitions;
  readonly refundAttempts: RefundAttempts;
  readonly recurring: RecurringParts;
}

interface Needs {
  readonly config: Config;
  readonly storage: Storage;
  readonly operator: OperatorParts;
  readonly announcements: Announcements;
  readonly flows: Flows;
  readonly timing: RefundTiming;
  /** Our own addresses, the public one first; an embedded run learns its own once it listens. */
  readonly addresses: readonly string[];
  readonly log: Logger;
}

/** Builds the domain of money and hands its parts to each other. */
export const createMoney = (needs: Needs): Money => {
  const { config, flows, timing, addresses, log } = needs;
  const { database, installation } = needs.storage;
  const { orders, connection } = needs.operator;
  const { publish, publishRefunds, publishRecurring, ...reads } = needs.announcements;
  const redirects = createRedirects({
    origins: () => [...config.redirectOrigins, ...addresses.map((address) => new URL(address).origin)],
    // People come from the shop's pages and go back there; an embedded run's shop is its own.
    own: () => config.corsOrigins.find((origin) => config.redirectOrigins.includes(origin)) ?? addresses[0],
  });

  const transitions = createPaymentTransitions({ orders, flows, log });
  const objects = createPaymentObjects({ database, transitions, installation, publish });
  const checkouts = createCheckoutAttempts({ objects, redirects });
  const attempts = createPaymentAttempts({ objects, checkouts });
  const reservations = createPaymentReservations(database, orders);
  const payments = createPayments({
    database,
    connection,
    reservations,
    attempts,
    endings: createPaymentEndings({ database, connection, transitions, attempts, reads: reads.payments }),
    reads: reads.payments,
    redirects,
    publish,
  });

  const refundTransitions = createRefundTransitions({ payments: transitions, orders, flows, log });
  const refundAttempts = createRefundAttempts({
    database,
    transitions: refundTransitions,
    installation,
    publish: publishRefunds,
    timing,
  });
  const refunds = createRefunds({
    database,
    connection,
    reservations: createRefundReservations(refundTransitions),
    attempts: refundAttempts,
    reads: reads.refunds,
    publish: publishRefunds,
    timing,
    log,
  });

  const recurring = createRecurringParts({
    database,
    reads: reads.recurring,
    orders,
    connection,
    payments: transitions,
    refunds,
    flows,
    log,
    redirects,
    keepsUnpaidInvoices: config.keepsUnpaidInvoices,
    installation,
    publish: publishRecurring,
    publishPayment: publish,
  });
  const { unpaid } = recurring;
  const withdrawals = createWithdrawals({ database, connection, reservations, attempts, unpaid, log });
  return { payments, transitions, attempts, withdrawals, refunds, refundTransitions, refundAttempts, recurring };
};
