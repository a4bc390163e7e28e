import type Stripe from 'stripe';
import { actorOf, type Caller } from '../../core/caller.js';
import { BadUserInputError, IllegalTransitionError } from '../../core/errors.js';
import { hasBegun } from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { assertReachable, type StripeConnection } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import { idempotentRequest } from '../../storage/idempotent-request.js';
import type { CollectionPause } from '../../stripe/subscription-change-calls.js';
import type { RecurringAttempts } from './attempts.js';
import { type DeedParts, doOnce, findById } from './deed.js';
import type { RecurringReads } from './read.js';
import type { RecurringPayment } from './row.js';

/** What happens to invoices while collection is paused. */
export const PAUSED_INVOICES = ['KEEP_AS_DRAFT', 'MARK_UNCOLLECTIBLE', 'VOID'] as const;
export type PausedInvoices = (typeof PAUSED_INVOICES)[number];

/** What a client asks for with `pauseRecurringPayment`. */
export interface PauseRequest {
  readonly recurringPaymentId: string;
  readonly invoices: PausedInvoices;
  /** When collection goes on by itself; never where it is left out. */
  readonly resumesAt?: Date;
  readonly idempotencyKey?: string;
}

/** Whose pause is taken back. */
export interface UnpauseRequest {
  readonly recurringPaymentId: string;
  readonly idempotencyKey?: string;
}

/** The pauses of collection: periods go on, and their invoices are kept as drafts, given up or voided. */
export interface Pauses {
  /**
   * Pauses collection; of one that is paused already, the terms of the pause are changed. ILLEGAL_TRANSITION for one that has not
   * begun or has ended. The same twice changes nothing.
   */
  pause(request: PauseRequest, caller: Caller): Promise<RecurringPayment>;
  /** Takes the pause back; nothing paused changes nothing. Drafts that were kept stay drafts. ILLEGAL_TRANSITION once it has ended. */
  unpause(request: UnpauseRequest, caller: Caller): Promise<RecurringPayment>;
}

interface Parts extends DeedParts {
  readonly connection: StripeConnection;
  readonly attempts: Pick<RecurringAttempts, 'write'>;
  readonly reads: RecurringReads;
}

const BEHAVIORS = {
  KEEP_AS_DRAFT: 'keep_as_draft',
  MARK_UNCOLLECTIBLE: 'mark_uncollectible',
  VOID: 'void',
} as const satisfies Record<PausedInvoices, CollectionPause['behavior']>;

const pauseOf = ({ invoices, resumesAt }: PauseRequest): CollectionPause => ({
  behavior: BEHAVIORS[invoices],
  resumesAt: resumesAt ? unixSeconds(resumesAt) : null,
});

const isSame = ({ pause_collection: present }: Stripe.Subscription, pause: CollectionPause | null): boolean =>
  pause === null
    ? present === null
    : present?.behavior === pause.behavior && (present.resumes_at ?? null) === pause.resumesAt;

/** @throws IllegalTransitionError for one that has not begun, or has ended */
export const assertBegun = ({ id, status }: RecurringPayment): void => {
  if (hasBegun({ status })) return;
  throw new IllegalTransitionError(
    `Recurring payment ${id} is ${status}: only one that has begun and goes on can be paused or changed.`,
  );
};

/** Builds the calls over their parts; a pause is written to Stripe, and what Stripe says then decides. */
export const createPauses = (parts: Parts): Pauses => {
  const { connection, attempts, reads, database } = parts;

  const write = async (row: RecurringPayment, caller: Caller, pause: CollectionPause | null) => {
    const access = await connection.access();
    assertReachable('Recurring payment', row, access);
    const { recurringPayment } = await attempts.write(row, {
      access,
      actor: actorOf(caller),
      asks: pause ? 'PAUSE' : 'UNPAUSE',
      holds: (subscription) => isSame(subscription, pause),
      write: ({ id }, key) => access.gateway.pauseCollection(id, pause, key(pause ? 'pause' : 'unpause')),
    });
    return recurringPayment;
  };

  return {
    pause: (request, caller) =>
      doOnce(parts, idempotentRequest(caller, 'pauseRecurringPayment', request), {
        find: () => findById(reads, request.recurringPaymentId, caller),
        async assertAllowed(row) {
          assertBegun(row);
          const { resumesAt } = request;
          if (resumesAt && resumesAt <= (await readClock(database)))
            throw new BadUserInputError('resumesAt must be in the future.');
        },
        act: (row) => write(row, caller, pauseOf(request)),
      }),

    unpause: (request, caller) =>
      doOnce(parts, idempotentRequest(caller, 'unpauseRecurringPayment', request), {
        find: () => findById(reads, request.recurringPaymentId, caller),
        assertAllowed: assertBegun,
        act: (row) => write(row, caller, null),
      }),
  };
};
