import { isLive } from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { FlowFailedError, type FlowLog, type Flows, type RecurringCharge, runFlow } from '../../flows/flows.js';
import { countingFailure, type FlowSubject, findObstacle, owe } from '../../flows/owed.js';
import type { Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Statement, Tx } from '../../storage/database.js';
import type { InvoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { OPEN_PAYMENT, type Payment } from '../payments/row.js';
import { lockIntent, markUnpaid, PAYMENT_COLUMNS, reviveEvents } from '../payments/rows.js';
import type { RecurringPayment } from '../recurring/row.js';
import { findByReference, lockRecurring, type RecurringReference } from '../recurring/rows.js';
import { CHARGE_FLOW, chargeOf, decideAmount, RENEWAL_NODE, type SeenInvoice } from './decide.js';
import type { Renewal } from './row.js';
import { insertRenewal, wakeTooLate, writeOrder } from './rows.js';

/** The locked rows that an invoice is about. */
export interface InvoiceTarget {
  readonly recurring: RecurringPayment;
  /** The invoice's payment; undefined before there is one. */
  readonly payment: Payment | undefined;
}

/** What an invoice did. */
export interface InvoiceOutcome {
  /** The payment, where it changed. */
  readonly payment: Payment | undefined;
  /** A decided amount that is still to be written at Stripe, after the commit. */
  readonly lowering: Renewal | undefined;
}

/**
 * What invoices make of payments: the first one, and that of a change, a payment of the order that the recurring payment was started
 * for, each later period's a new order and its payment, once per invoice. A payment of 0 is made where nothing was to be collected.
 * Money that came out of band or from the customer's credit is not counted as received, but the order is settled all the same.
 */
export interface InvoicePayments {
  /**
   * Locks the order, the recurring payment and the invoice's payment; undefined when none of ours is meant, `moved` when
   * the payment appeared meanwhile: then all is read again.
   */
  lock(tx: Tx, invoiceId: string, reference: RecurringReference): Promise<InvoiceTarget | 'moved' | undefined>;
  /** Applies Stripe's present invoice to the locked rows, flows included. Twice the same changes nothing the second time. */
  apply(tx: Tx, target: InvoiceTarget, seen: SeenInvoice): Promise<InvoiceOutcome>;
  /** Records the payment of a first invoice, or that of a change, that came with its subscription, where it isn't there; the order is locked. */
  recordOwn(tx: Tx, recurring: RecurringPayment, seen: SeenInvoice): Promise<Payment | undefined>;
}

const lockByInvoice = (invoiceId: string): Statement => ({
  name: 'payment_lock_by_invoice',
  text: `select ${PAYMENT_COLUMNS} from tollgate.payment p where stripe_invoice_id = $1 for update`,
  values: [invoiceId],
});

const findOrderOf = (invoiceId: string): Statement => ({
  name: 'payment_order_of_invoice',
  text: 'select order_id::text as "orderId" from tollgate.payment where stripe_invoice_id = $1',
  values: [invoiceId],
});

/** Stripe may collect an invoice with another intent than at first. */
const writeIntent = (id: string, intentId: string): Statement => ({
  text: `update tollgate.payment p set stripe_payment_intent_id = $2 where id = $1 returning ${PAYMENT_COLUMNS}`,
  values: [id, intentId],
});

const insertPayment = (recurring: RecurringPayment, orderId: string, invoice: InvoiceSnapshot): Statement => ({
  name: 'payment_insert_invoice',
  text: `insert into tollgate.payment as p (order_id, account_id, amount, currency, mode, livemode, stripe_account,
      recurring_payment_id, stripe_invoice_id, stripe_payment_intent_id, amount_settled_elsewhere, invoice, shares_order)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, exists (
      select from tollgate.payment where order_id = $1 and livemode = $6 and stripe_account = $7 and ${OPEN_PAYMENT}))
    returning ${PAYMENT_COLUMNS}`,
  values: [
    orderId,
    recurring.accountId,
    invoice.amountDue,
    invoice.currency,
    recurring.mode,
    recurring.livemode,
    recurring.stripeAccount,
    recurring.id,
    invoice.invoiceId,
    invoice.intentId,
    settledElsewhere(recurring, invoice, { asked: invoice.amountDue, collected: invoice.amountDue }),
    JSON.stringify(invoice.summary),
  ],
});

/** Whether there is something to record: a charge that was made or tried, or a period that cost nothing. */
const makesPayment = (invoice: InvoiceSnapshot): boolean => {
  switch (invoice.status) {
    case 'paid':
      // Nothing was due: no period begins with it, and what a change credits is the customer's.
      return !((invoice.isFirst && invoice.total === 0) || (invoice.isChange && invoice.amountDue === 0));
    case 'open':
      return invoice.intentId !== null;
    case 'uncollectible':
      return invoice.wasAttempted;
    default:
      return false;
  }
};

/** Settled before its subscription was bound here: no order and no flow is made of it. */
const isOfThePast = ({ importedAt }: RecurringPayment, { settledAt }: InvoiceSnapshot): boolean =>
  importedAt !== null && settledAt !== null && settledAt < unixSeconds(importedAt);

/**
 * What is not collected by Stripe, as far as the order asks for it: a first order asks for the period's price, a later one for what
 * was to be collected. Null where Stripe's `collected` is the whole invoice.
 */
const settledElsewhere = (
  recurring: RecurringPayment,
  invoice: InvoiceSnapshot,
  { asked, collected }: { readonly asked: number; readonly collected: number },
): number | null => {
  const [whole, owed] = invoice.isFirst
    ? [Math.max(invoice.total, recurring.initialAmount), recurring.initialAmount]
    : [invoice.total, asked];
  return whole > collected ? Math.max(0, owed - collected) : null;
};

/** What the invoice says of its payment; undefined while only its intent could tell and that isn't at hand. */
const factsOf = (recurring: RecurringPayment, payment: Payment, invoice: InvoiceSnapshot): PaymentFacts | undefined => {
  const { intentId, intent, currency, at } = invoice;
  const own = {
    intentId,
    amount: payment.amount,
    amountReceived: invoice.amountReceived,
    currency,
    failureCode: payment.failureCode,
    failureMessage: payment.failureMessage,
    chargeId: payment.stripeChargeId,
    at,
    isInvoice: true,
    invoice: invoice.summary,
  };
  switch (invoice.status) {
    case 'paid':
      return {
        ...own,
        signal: 'succeed',
        failureCode: null,
        failureMessage: null,
        chargeId: intent?.chargeId ?? null,
        ...(intent?.charge && { charge: intent.charge }),
        settledElsewhere: settledElsewhere(recurring, invoice, {
          asked: payment.amount,
          collected: invoice.amountReceived,
        }),
      };
    case 'void':
      return { ...own, signal: 'cancel' };
    case 'uncollectible':
      return intent?.signal === 'fail'
        ? intent
        : { ...own, signal: 'fail', failureCode: 'uncollectible', failureMessage: 'The invoice was given up.' };
    default:
      return intent ?? undefined;
  }
};

interface Parts {
  readonly orders: Orders;
  readonly transitions: PaymentTransitions;
  readonly flows: Flows;
  readonly log: FlowLog;
}

/** The parts in one transaction. */
interface Writing extends Parts {
  readonly tx: Tx;
}

/** Whose flow the order of a later charge is: no row of ours stands for it until that has run. */
const subjectOf = ({ orderId }: RecurringPayment, { invoice, cause }: SeenInvoice): FlowSubject => ({
  flow: CHARGE_FLOW,
  orderId,
  nodeType: RENEWAL_NODE,
  nodeId: invoice.invoiceId,
  version: 1,
  toStatus: 'ORDER',
  eventId: cause.eventId,
});

/** The flow's new order; the transaction that records the payment makes it, so a failure leaves neither. */
const runCreateOrder = async ({ tx, orders, flows, log }: Writing, charge: RecurringCharge): Promise<string> => {
  const { recurringCharge } = flows;
  const run = recurringCharge.createOrder.bind(recurringCharge);
  const { limitMs } = recurringCharge;
  const orderId = String(await runFlow(CHARGE_FLOW, { run, limitMs }, charge, { tx, log, effects: flows.effects }));
  if (!(await orders.lock(tx, orderId)))
    throw new FlowFailedError(CHARGE_FLOW, {
      cause: new Error(`createOrder gave ${orderId}, which is no order that the server can see and lock`),
    });
  return orderId;
};

/** The order of a later charge: a new one, or the first where an operator skipped the flow; undefined while the flow is owed. */
const orderOf = async (
  writing: Writing,
  recurring: RecurringPayment,
  seen: SeenInvoice,
): Promise<string | undefined> => {
  const { invoice, cause, owed } = seen;
  if (owed === 'skip') return recurring.orderId;
  const charge = chargeOf(recurring, invoice, { amount: invoice.amountDue, body: cause.body });
  if (owed === 'run') return runCreateOrder(writing, charge);
  const subject = subjectOf(recurring, seen);
  const obstacle = await findObstacle(writing.tx, subject);
  if (obstacle === null) return countingFailure(subject, () => runCreateOrder(writing, charge));
  // The charge is read again when the flow runs.
  owe(writing.tx, subject, { data: {}, obstacle });
  return undefined;
};

const createOrder = async (
  writing: Writing,
  recurring: RecurringPayment,
  seen: SeenInvoice,
): Promise<string | undefined> => {
  const { tx } = writing;
  const { invoiceId } = seen.invoice;
  const orderId = await orderOf(writing, recurring, seen);
  if (orderId === undefined) return undefined;
  await tx.query(insertRenewal(invoiceId, recurring.id));
  const written = await tx.query(writeOrder(invoiceId, orderId));
  if (written.length === 0) throw new Error(`Invoice ${invoiceId} has an order already, but no payment.`);
  return orderId;
};

/** Undefined while the flow that makes its order is owed. */
const open = async (writing: Writing, recurring: RecurringPayment, seen: SeenInvoice): Promise<Payment | undefined> => {
  const { tx } = writing;
  const { invoice, cause } = seen;
  const isOwn = invoice.isFirst || invoice.isChange;
  const orderId = isOwn ? recurring.orderId : await createOrder(writing, recurring, seen);
  if (orderId === undefined) return undefined;
  if (invoice.intentId !== null) tx.send(lockIntent(invoice.intentId));
  const [payment] = await tx.query<Payment>(insertPayment(recurring, orderId, invoice));
  if (!payment) throw new Error('The new payment was not returned.');
  tx.send(
    writeChange({
      nodeType: 'PAYMENT',
      nodeId: payment.id,
      version: payment.version,
      fromStatus: null,
      toStatus: payment.status,
      actor: cause.actor,
      eventId: cause.eventId,
      flow: isOwn ? undefined : CHARGE_FLOW,
      flowOutcome: seen.owed === 'skip' ? 'skipped' : 'done',
      note: invoice.isChange ? 'Charged for a change of the recurring payment within its period.' : undefined,
    }),
  );
  if (invoice.intentId !== null) tx.send(reviveEvents(invoice.intentId));
  if (!isLive(recurring)) tx.send(markUnpaid(recurring.id, 0));
  return payment;
};

const followIntent = async (tx: Tx, payment: Payment, { intentId }: InvoiceSnapshot): Promise<Payment> => {
  if (intentId === null || intentId === payment.stripePaymentIntentId) return payment;
  tx.send(lockIntent(intentId));
  tx.send(reviveEvents(intentId));
  if (payment.stripePaymentIntentId === null) return payment; // the transition writes it, with a version
  const [followed] = await tx.query<Payment>(writeIntent(payment.id, intentId));
  return followed ?? payment;
};

const lockRows = async (
  { tx, orders }: Writing,
  invoiceId: string,
  reference: RecurringReference,
): Promise<InvoiceTarget | 'moved' | undefined> => {
  const [found] = await tx.query<{ id: string; orderId: string }>(findByReference(reference));
  if (!found) return undefined;
  const [known] = await tx.query<{ orderId: string }>(findOrderOf(invoiceId));
  const orderId = known?.orderId ?? found.orderId;
  await orders.hold(tx, orderId);
  const [recurring] = await tx.query<RecurringPayment>(lockRecurring(found.id));
  if (!recurring) return undefined;
  // Seen before it is locked: a payment of another order is locked by whoever holds that order, and wants the recurring payment.
  const [present] = await tx.query<{ orderId: string }>(findOrderOf(invoiceId));
  if (present && present.orderId !== orderId) return 'moved';
  const [payment] = await tx.query<Payment>(lockByInvoice(invoiceId));
  return { recurring, payment };
};

/** Builds the rules over the order table, the transitions of payments and the developer's flows. */
export const createInvoicePayments = (parts: Parts): InvoicePayments => ({
  lock: (tx, invoiceId, reference) => lockRows({ ...parts, tx }, invoiceId, reference),

  async apply(tx, { recurring, payment: known }, seen) {
    const { invoice, cause } = seen;
    const writing = { ...parts, tx };
    if (!known && isOfThePast(recurring, invoice)) return { payment: undefined, lowering: undefined };
    const lowering = invoice.isFirst ? undefined : await decideAmount(writing, recurring, seen);
    if (!known && !makesPayment(invoice)) return { payment: undefined, lowering };
    const payment = known ? await followIntent(tx, known, invoice) : await open(writing, recurring, seen);
    if (!payment) return { payment: undefined, lowering };
    if (invoice.status === 'paid' && !invoice.isFirst) tx.send(wakeTooLate(invoice.invoiceId));
    const snapshot = factsOf(recurring, payment, invoice);
    const outcome =
      snapshot && (await parts.transitions.apply(tx, payment, { snapshot, cause: { ...cause, current: true } }));
    if (outcome?.kind === 'changed') return { payment: outcome.payment, lowering };
    return { payment: known ? undefined : payment, lowering };
  },

  async recordOwn(tx, recurring, seen) {
    const [known] = await tx.query<Payment>(lockByInvoice(seen.invoice.invoiceId));
    return known || !makesPayment(seen.invoice) || isOfThePast(recurring, seen.invoice)
      ? undefined
      : open({ ...parts, tx }, recurring, seen);
  },
});
