import { actorOf, type Caller, mayRead } from '../../core/caller.js';
import {
  BadUserInputError,
  IllegalTransitionError,
  NotFoundError,
  RecurringNotCancelableError,
  StripeDeclinedError,
} from '../../core/errors.js';
import type { Page, PageOfBoth, PageRequest } from '../../core/page.js';
import { isLive, type RecurringStatus } from '../../core/states.js';
import type { AskApp } from '../../flows/payment-request.js';
import type { Redirects } from '../../installation/redirects.js';
import { assertReachable, type StripeConnection, type Who } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import type { Change } from '../../outbox/change.js';
import type { Database } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest } from '../../storage/idempotent-request.js';
import { secretOf } from '../../stripe/subscription-snapshot.js';
import type { Methods, OwnedMethod } from '../customers/methods.js';
import { assertNotOnPage, checkAddresses, findMethod } from '../payments/pay.js';
import type { Payment } from '../payments/row.js';
import type { RecurringTransitions } from './apply.js';
import type { FreshPrice, RecurringAttempts } from './attempts.js';
import { type Changes, createChanges } from './changes.js';
import { isOnPage, type SubscriptionCheckouts } from './checkout.js';
import { doOnce, findById } from './deed.js';
import { createPauses, type Pauses } from './pauses.js';
import type { ApplyInvoice } from './present-invoice.js';
import { createPreviews, type Previews } from './previews.js';
import { assertPriceId, assertQuantity, readPrice } from './prices.js';
import type { RecurringReads } from './read.js';
import type { RecurringReservations } from './reserve.js';
import type { Restoring } from './restoring.js';
import type { RecurringPayment } from './row.js';
import type { UnpaidInvoices } from './unpaid-invoices.js';

/** What a client asks for with `initiateRecurringPayment`. */
export interface InitiateRequest {
  readonly orderId: string;
  readonly priceId: string;
  readonly quantity: number;
  readonly mode: 'ELEMENTS' | 'CHECKOUT';
  /** A saved method of whom it is for: it is charged at once, and later charges go to it. */
  readonly paymentMethodId?: string;
  readonly successUrl?: string;
  readonly cancelUrl?: string;
  readonly idempotencyKey?: string;
}

/** A recurring payment and what the browser needs to begin it. */
export interface InitiateAnswer {
  readonly recurringPayment: RecurringPayment;
  /** Undefined when nothing is left to confirm. */
  readonly clientSecret?: string;
  readonly clientSecretType?: 'PAYMENT' | 'SETUP';
  /** Stripe's page, for the mode CHECKOUT; undefined once it is closed. */
  readonly checkoutUrl?: string;
  readonly publishableKey: string;
}

/** Which recurring payment is to end, by itself or by the order that it was started for: exactly one of the two. */
export interface CancelRequest {
  readonly recurringPaymentId?: string;
  readonly orderId?: string;
  readonly at: 'NOW' | 'PERIOD_END';
  readonly idempotencyKey?: string;
}

/** Whose scheduled end is taken back. */
export interface ResumeRequest {
  readonly recurringPaymentId: string;
  readonly idempotencyKey?: string;
}

/** What a list of recurring payments may be narrowed to. */
export interface RecurringFilter extends PageOfBoth {
  readonly orderId?: string;
  readonly accountId?: string;
  readonly status?: RecurringStatus;
  /** The whole id of a recurring payment, its order, its account, a payment of it or an object of Stripe's. */
  readonly search?: string;
  /** Begun at this time or later, and before that one. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
}

/** Recurring payments: every rule of who, what and when lives behind these calls. */
export interface Recurring extends Pauses, Changes, Previews {
  initiate(request: InitiateRequest, caller: Caller): Promise<InitiateAnswer>;
  /** Ends it now or with its period; works on every plan. RECURRING_NOT_CANCELABLE once it has ended. */
  cancel(request: CancelRequest, caller: Caller): Promise<RecurringPayment>;
  /** Takes back a scheduled end; nothing scheduled changes nothing. ILLEGAL_TRANSITION once it has ended. */
  resume(request: ResumeRequest, caller: Caller): Promise<RecurringPayment>;
  /** The recurring payment, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<RecurringPayment | null>;
  list(filter: RecurringFilter, caller: Caller): Promise<Page<RecurringPayment>>;
  /** As `find`, for an id that is known to exist. Asked for many at once: one query. */
  readFor(id: string, caller: Caller): Promise<RecurringPayment | null>;
  /** A page of its payments that the caller may see, newest first. Asked for many recurring payments at once: one query. */
  paymentsOf(row: RecurringPayment, page: PageRequest, caller: Caller): Promise<Page<Payment>>;
  /** Its versions and those of its payments, oldest first; why a charge failed is in the notes. */
  timeline(id: string): Promise<Change[]>;
  /** Current rows, whoever asks, in one query. */
  readMany(ids: readonly string[]): Promise<RecurringPayment[]>;
  /** The newest versions, in one query: for live status. */
  versionsOf(ids: readonly string[]): Promise<{ readonly id: string; readonly version: number }[]>;
}

/** Rounds of finding the order's recurring payment ended at Stripe and reserving again. */
const ROUNDS = 4;

const checkRequest = (request: InitiateRequest, redirects: Redirects): InitiateRequest => {
  assertQuantity(request.quantity);
  assertPriceId(request.priceId);
  assertNotOnPage(request);
  return { ...request, ...checkAddresses(request, redirects) };
};

interface Parts {
  readonly orders: Orders;
  readonly askApp: AskApp;
  readonly applyInvoice: ApplyInvoice;
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: RecurringReservations;
  readonly attempts: RecurringAttempts;
  readonly methods: Methods;
  readonly restoring: Restoring;
  readonly unpaid: Pick<UnpaidInvoices, 'announce' | 'voidAll'>;
  readonly checkouts: SubscriptionCheckouts;
  readonly redirects: Redirects;
  readonly transitions: RecurringTransitions;
  readonly reads: RecurringReads;
  readonly publish: (row: RecurringPayment) => void;
}

/** A request, and which round of reserving it is. */
interface Reserving extends Who {
  readonly request: InitiateRequest;
  readonly caller: Caller;
  readonly method: OwnedMethod | undefined;
  readonly idempotency: IdempotentRequest | undefined;
  readonly again: boolean;
}

/** Begins it, or goes on with it, and gives what the browser needs. */
const goOn = async (
  { checkouts, attempts }: Parts,
  row: RecurringPayment,
  { access, actor, fresh }: Who & { readonly fresh?: FreshPrice },
): Promise<InitiateAnswer> => {
  const { publishableKey } = access;
  if (!isLive(row)) return { recurringPayment: row, publishableKey };
  assertReachable('Recurring payment', row, access);
  if (isOnPage(row)) {
    const { recurringPayment, checkoutUrl } = await checkouts.settle(row, { access, actor }, fresh);
    const goesOn = isLive(recurringPayment) && checkoutUrl !== null;
    return { recurringPayment, publishableKey, ...(goesOn && { checkoutUrl }) };
  }
  const { recurringPayment, subscription } = await attempts.settle(row, { access, actor }, fresh);
  return { recurringPayment, publishableKey, ...(isLive(recurringPayment) && secretOf(subscription)) };
};

/** The same key again: the same row as it is now; one that Stripe had refused is refused again. */
const repeat = async (parts: Parts, row: RecurringPayment, who: Who): Promise<InitiateAnswer> => {
  if (row.status === 'CANCELED' && row.stripeSubscriptionId === null && row.stripeCheckoutSessionId === null)
    throw new StripeDeclinedError(
      'Stripe refused this recurring payment. Use a new idempotency key to try again.',
      undefined,
    );
  return goOn(parts, row, who);
};

/** Ends it at once, and voids what is unpaid: its page where it is on one, and its subscription where it has begun. */
const endNow = async (parts: Parts, row: RecurringPayment, who: Who): Promise<RecurringPayment> => {
  const { checkouts, unpaid, attempts } = parts;
  const left = isOnPage(row) ? await checkouts.expire(row, who) : row;
  const isLeft = isLive(left) && !(isOnPage(left) && left.stripeSubscriptionId === null);
  if (!isLeft) return left;
  await unpaid.announce(left);
  const ended = await attempts.cancelNow(left, who);
  if (!isLive(ended)) await unpaid.voidAll(ended, who.access, who.actor);
  return ended;
};

/** One round of beginning it; undefined when the order is free for another round. */
const initiateOnce = async (parts: Parts, reservation: Reserving): Promise<InitiateAnswer | undefined> => {
  const { database, reservations, publish } = parts;
  const { request, access, actor } = reservation;
  const who = { access, actor };
  const reserve = (price?: Awaited<ReturnType<typeof readPrice>>) =>
    database.transaction((tx) => reservations.reserve(tx, { ...reservation, price }), request.orderId);
  let reserved = await reserve();
  let trialDays = 0;
  if (reserved.kind === 'price') {
    const price = await readPrice(access.gateway, request.priceId);
    trialDays = price.trialDays;
    reserved = await reserve(price);
  }
  switch (reserved.kind) {
    case 'made':
      publish(reserved.recurringPayment);
      return goOn(parts, reserved.recurringPayment, { ...who, fresh: { trialDays } });
    case 'repeated':
      return repeat(parts, reserved.recurringPayment, who);
    case 'live': {
      const answer = await goOn(parts, reserved.recurringPayment, who);
      // It had ended at Stripe: the order is free for another one.
      return isLive(answer.recurringPayment) ? answer : undefined;
    }
    case 'differs': {
      const ended = await endNow(parts, reserved.recurringPayment, who);
      return isLive(ended) ? goOn(parts, ended, who) : undefined;
    }
    case 'price':
      throw new Error('A reservation that was given the price asked for it again.');
  }
};

const findTarget = async (reads: RecurringReads, request: CancelRequest, caller: Caller): Promise<RecurringPayment> => {
  const { recurringPaymentId: id, orderId } = request;
  if ((id === undefined) === (orderId === undefined))
    throw new BadUserInputError('Give recurringPaymentId or orderId, exactly one of them.');
  const row = id !== undefined ? await reads.find(id, caller) : await reads.findOfOrder(orderId ?? '', caller);
  if (!row || !mayRead(caller, row, 'RECURRING_READ_ANY'))
    throw new NotFoundError(id !== undefined ? 'recurring payment' : 'recurring payment of order', id ?? orderId ?? '');
  return row;
};

/** Builds the calls over their parts: reservations lock and write, attempts call Stripe, reads read. */
export const createRecurring = (parts: Parts): Recurring => {
  const { connection, reservations, attempts, redirects, reads, restoring } = parts;

  return {
    ...createPauses(parts),
    ...createChanges(parts),
    ...createPreviews(parts),
    find: reads.find,
    list: reads.list,
    readFor: reads.readFor,
    paymentsOf: reads.paymentsOf,
    timeline: reads.timeline,
    readMany: reads.readMany,
    versionsOf: reads.versionsOf,

    async initiate(input, caller) {
      const request = checkRequest(input, redirects);
      const idempotency = idempotentRequest(caller, 'initiateRecurringPayment', request);
      // A repeated key answers as before, whatever became of the order.
      if (!idempotency) await reservations.check(request, caller);
      const access = await connection.access();
      const actor = actorOf(caller);
      const method = await findMethod(parts.methods, request, access);
      for (let round = 1; round <= ROUNDS; round += 1) {
        const answer = await initiateOnce(parts, {
          ...{ request, caller, access, actor, method, idempotency },
          again: round > 1,
        });
        if (answer) return answer;
      }
      throw new IllegalTransitionError(`The recurring payments of order ${request.orderId} keep changing; try again.`);
    },

    cancel: (request, caller) =>
      doOnce(parts, idempotentRequest(caller, 'cancelRecurringPayment', request), {
        find: () => findTarget(reads, request, caller),
        assertAllowed(row) {
          if (!isLive(row)) throw new RecurringNotCancelableError(row.id, row.status);
        },
        async act(row) {
          const access = await connection.access();
          assertReachable('Recurring payment', row, access);
          return request.at === 'NOW' || isOnPage(row)
            ? endNow(parts, row, { access, actor: actorOf(caller) })
            : attempts.cancelAtPeriodEnd(row, { access, actor: actorOf(caller) });
        },
      }),

    resume: (request, caller) =>
      doOnce(parts, idempotentRequest(caller, 'resumeRecurringPayment', request), {
        find: () => findById(reads, request.recurringPaymentId, caller),
        assertAllowed(row) {
          if (isLive(row)) return;
          throw new IllegalTransitionError(
            `Recurring payment ${row.id} is ${row.status}; start another one for the order.`,
          );
        },
        async act(row) {
          const access = await connection.access();
          assertReachable('Recurring payment', row, access);
          // Nothing has begun, so nothing is scheduled to end.
          if (isOnPage(row)) return row;
          const who = { access, actor: actorOf(caller) };
          await restoring.begin(row, who.actor);
          return restoring.finish(await attempts.resume(row, who), who);
        },
      }),
  };
};
