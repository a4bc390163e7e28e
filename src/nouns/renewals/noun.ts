import type { Caller } from '../../core/caller.js';
import { PERMISSIONS } from '../../core/permissions.js';
import type { Built, Machine, Noun } from '../noun.js';
import { payments } from '../payments/noun.js';
import { refunds } from '../refunds/noun.js';
import { createInvoiceEvents, INVOICE_EVENTS } from './events.js';
import { createInvoicePayments, type InvoicePayments } from './invoice-payments.js';
import { createRenewalLowering } from './lowering.js';
import { createOwedCharges, type OwedCharges } from './owed-charges.js';
import { createOpenInvoicePayments } from './reconcile.js';
import { Renewal } from './row.js';

/** What other nouns need of renewals. */
export interface RenewalParts {
  readonly invoices: InvoicePayments;
  readonly owedCharges: OwedCharges;
}

/** Who gives back what was charged too much: the installation itself. */
const SELF: Caller = { accountId: null, roles: [], permissions: new Set(PERMISSIONS) };

const build = (machine: Machine): Built<RenewalParts> => {
  const { database, connection, marks, orders, flows, log } = machine;
  const { transitions, publish } = machine.use(payments);
  const { refund } = machine.use(refunds).refunds;
  const invoices = createInvoicePayments({ orders, transitions, flows, log });
  const lowering = createRenewalLowering({
    database,
    connection,
    marks,
    tooLate: flows.recurringCharge.tooLate,
    giveBack: (paymentId, amount, idempotencyKey) =>
      refund({ paymentId, amount, idempotencyKey, reason: 'The charge was lowered too late.' }, SELF),
    log,
  });
  machine.onStop(() => lowering.idle());
  const lower = machine.rehearses ? () => undefined : lowering.begin;
  const owedCharges = createOwedCharges({ database, connection, invoices, publish, lower });
  const events = createInvoiceEvents({ invoices, connection, marks, publish, lower });
  return {
    parts: { invoices, owedCharges },
    handlers: [[INVOICE_EVENTS, events]],
    openRows: [createOpenInvoicePayments({ database, invoices, publish, lower })],
    jobs: [{ name: 'lowered amounts', run: () => lowering.finishDue() }],
  };
};

/** One invoice of a recurring payment: the payment that it is, the order that it makes, the amount that the flow decides. */
export const renewals: Noun<RenewalParts> = {
  name: 'renewals',
  entities: [Renewal],
  eventTypes: INVOICE_EVENTS,
  build,
};
