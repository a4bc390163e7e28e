import { setTimeout as wait } from 'node:timers/promises';
import { actorOf, type Caller } from '../../core/caller.js';
import { IllegalTransitionError, StripeUnavailableError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import type { AskApp } from '../../flows/payment-request.js';
import { assertReachable, type StripeConnection, type Who } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import { idempotentRequest } from '../../storage/idempotent-request.js';
import { readInvoice } from '../../stripe/said-twice.js';
import { invoiceOf } from '../../stripe/subscription-snapshot.js';
import { assertCost } from '../payments/due.js';
import type { RecurringAttempts, SettledSubscription } from './attempts.js';
import { writeOf } from './change-writes.js';
import { type DeedParts, doOnce, findById } from './deed.js';
import { assertBegun } from './pauses.js';
import type { ApplyInvoice } from './present-invoice.js';
import { periodAmount, type RecurringPrice, readPrice } from './prices.js';
import type { RecurringReads } from './read.js';
import { agreedAmountOf, pendingChangeOf, type RecurringPayment } from './row.js';
import { dropRestoring, endChange, isBeingChanged, takeForChange } from './rows.js';
import { assertCurrencyOf, type ChangeRequest, checkRequest, isSame, isSameState, termsOf } from './terms.js';

/** Changes of price and quantity. */
export interface Changes {
  /**
   * Brings it to other terms, once per key. What that charges at once is a payment of the order that it was started for, and the terms
   * stand only once it is paid. Of several changes at once one is written; the others are told the state after it.
   *
   * @throws IllegalTransitionError for one that has not begun or has ended, AmountMismatchError and CurrencyMismatchError where the
   * order says otherwise, PriceNotFoundError, PriceUnsupportedError, DeclinedByAppError, StripeDeclinedError, StripeUnavailableError
   */
  change(request: ChangeRequest, caller: Caller): Promise<RecurringPayment>;
}

interface Parts extends DeedParts {
  readonly connection: StripeConnection;
  readonly attempts: Pick<RecurringAttempts, 'write' | 'settle'>;
  readonly reads: RecurringReads;
  readonly orders: Orders;
  readonly askApp: AskApp;
  readonly applyInvoice: ApplyInvoice;
}

/** Longer than a call to Stripe and the reads around it may take. */
const LEASE_SECONDS = 90;
/** How long a call waits for somebody else's change. */
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 50;
const ROUNDS = 3;

/** The refusals under the locks, and the app's say; terms that hold already are refused by nobody. */
const assertMayChange = async (
  { orders, askApp }: Parts,
  tx: Tx,
  asked: { readonly request: ChangeRequest; readonly row: RecurringPayment; readonly price: RecurringPrice },
): Promise<void> => {
  const { request, row, price } = asked;
  assertBegun(row);
  const terms = termsOf(request, row);
  if (request.at === 'PERIOD_END' && row.cancelAtPeriodEnd)
    throw new IllegalTransitionError(`Recurring payment ${row.id} ends with its period: resume it first.`);
  if (isSame(terms, row)) return;
  assertCurrencyOf(row, price);
  const charge = { amount: periodAmount(price, terms.quantity), currency: price.currency };
  if (request.at === 'NOW') assertCost(await orders.hold(tx, row.orderId), charge);
  const { id: recurringPaymentId, orderId, accountId, mode } = row;
  const change = { recurringPaymentId, ...terms, at: request.at, previousAmount: agreedAmountOf(row) };
  await askApp(tx, { ...charge, orderId, accountId, mode, change });
};

/** Brings the payment of what the change charged to Stripe's state: the caller looks at it next. */
const applyCharge = async (
  { applyInvoice }: Parts,
  { recurringPayment: row, subscription }: SettledSubscription,
  { access, actor }: Who,
): Promise<void> => {
  const invoice = invoiceOf(subscription) as { id: string; billing_reason?: string } | undefined;
  if (invoice?.billing_reason !== 'subscription_update') return;
  const answer = await readInvoice(access.gateway, invoice.id);
  await applyInvoice(row, { invoiceId: invoice.id, orderId: row.orderId, answer, actor });
};

/** Waits until nobody changes it; throws after a while. */
export const untilFree = async ({ database }: Pick<Parts, 'database'>, { id }: RecurringPayment): Promise<void> => {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const [row] = await database.query<{ busy: boolean }>(isBeingChanged(id));
    if (!row?.busy) return;
    if (Date.now() > deadline)
      throw new StripeUnavailableError({ cause: new Error(`Another change of recurring payment ${id} is under way.`) });
    await wait(LOOK_AGAIN_MS);
  }
};

/** One change is written at a time; who comes meanwhile waits, and writes nothing where that one stands or waits for its payment. */
const writeOne = async (
  parts: Parts,
  row: RecurringPayment,
  asked: Who & { readonly request: ChangeRequest; readonly price: RecurringPrice },
): Promise<RecurringPayment> => {
  const { database, transitions, attempts } = parts;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { locked, change } = await database.transaction(async (tx) => {
      const present = await transitions.lockById(tx, row);
      // What was asked for was asked of other terms.
      if (!isSameState(present, row)) return { locked: present, change: undefined };
      const [taken] = await tx.query<{ number: number }>(takeForChange(row.id, LEASE_SECONDS));
      // What is asked for now takes the place of what was to wait again.
      if (taken) tx.send(dropRestoring(row.id));
      return { locked: present, change: taken };
    }, row.orderId);
    if (!isSameState(locked, row)) return locked;
    if (change) {
      try {
        const settled = await attempts.write(row, writeOf(row, { ...asked, number: change.number }));
        if (asked.request.at === 'NOW') await applyCharge(parts, settled, asked);
        return settled.recurringPayment;
      } finally {
        await database.query(endChange(row.id, change.number));
      }
    }
    await untilFree(parts, row);
    const present = await attempts.settle(row, asked);
    const { recurringPayment, subscription } = present;
    if (!isLive(recurringPayment) || !isSameState(recurringPayment, row) || subscription.pending_update !== null)
      return recurringPayment;
  }
  throw new StripeUnavailableError({ cause: new Error(`Changes of recurring payment ${row.id} keep failing.`) });
};

/** Builds the calls over their parts. */
export const createChanges = (parts: Parts): Changes => {
  const { connection, reads } = parts;
  return {
    change(request, caller) {
      checkRequest(request);
      let price: RecurringPrice | undefined;
      const read = async (row: RecurringPayment) => {
        const access = await connection.access();
        assertReachable('Recurring payment', row, access);
        price ??= await readPrice(access.gateway, termsOf(request, row).priceId, {
          mayBeArchived: request.priceId === undefined,
        });
        return { access, price };
      };
      return doOnce(parts, idempotentRequest(caller, 'changeRecurringPayment', request), {
        async find() {
          const row = await findById(reads, request.recurringPaymentId, caller);
          assertBegun(row);
          await read(row);
          return row;
        },
        async assertAllowed(row, tx) {
          if (price) await assertMayChange(parts, tx, { request, row, price });
        },
        async act(row) {
          const waits = pendingChangeOf(row) !== null || row.restoringBy !== null;
          if (isSame(termsOf(request, row), row) && !waits) return row;
          return writeOne(parts, row, { ...(await read(row)), actor: actorOf(caller), request });
        },
      });
    },
  };
};
