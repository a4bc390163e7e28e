import { StripeUnavailableError } from '../core/errors.js';
import { isOpen } from '../core/states.js';
import type { Database, Tx } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import { type Answer, StripeCallError } from '../stripe/answer.js';
import { idempotencyKey, type Owner } from '../stripe/metadata.js';
import { inTurn, KEY_SAFE_MS } from './key-in-flight.js';
import type { PaymentFacts, PaymentTransitions } from './payment-transitions.js';
import { refusalOf } from './stripe-refusal.js';

/** How the object of a payment is found and made. */
export interface Making<T> {
  /** True where the row was written just now and no call can have been made for it yet. */
  readonly fresh: boolean;
  /** Looks for the object that carries the row's mark, made since `since` (unix seconds). */
  find(since: number): Promise<Answer<T> | undefined>;
  create(key: string): Promise<Answer<T>>;
}

/** How Stripe's present object is read and understood. */
export interface Present<T> {
  read(): Promise<Answer<T>>;
  reread(id: string): Promise<Answer<T>>;
  /** The object that the row stands for by now; null while it has none. */
  idOf(row: Payment): string | null;
  facts(answer: Answer<T>): PaymentFacts;
  /** Writes what else the row learns, in the same transaction. */
  note?(tx: Tx, row: Payment, object: T): void;
}

/** A payment brought to Stripe's present state, with the object that told. */
export interface Settled<T> {
  readonly payment: Payment;
  readonly object: T;
  /** Stripe's time of the answer, unix seconds. */
  readonly at: number;
}

/** The object at Stripe that a payment's row stands for, a payment intent or a Checkout Session. */
export interface PaymentObjects {
  /** The mark of the payment's object. */
  ownerOf(payment: Payment): Owner;
  /**
   * Makes the object, once, however often it is called: at once, again, or after a crash.
   *
   * @throws StripeCallError; when Stripe refuses it for good, the row is ended
   */
  makeOnce<T>(payment: Payment, actor: string, making: Making<T>): Promise<Answer<T>>;
  /**
   * Applies Stripe's present state; if a webhook moved the row since it was read, Stripe is read again.
   *
   * @throws StripeDeclinedError, NotConfiguredError, StripeUnavailableError
   */
  applyPresent<T extends { id: string }>(known: Payment, actor: string, present: Present<T>): Promise<Settled<T>>;
}

const HOUR_MS = 3_600_000;
/** Tries to apply an answer while webhooks keep moving the row. */
const APPLY_TRIES = 3;

interface Parts {
  readonly database: Database;
  readonly transitions: PaymentTransitions;
  /** This installation's id. */
  readonly installation: () => string;
  /** Tells every process of a committed change. */
  readonly publish: (payment: Payment) => void;
}

/** Builds the rules that every kind of object shares. */
export const createPaymentObjects = ({ database, transitions, installation, publish }: Parts): PaymentObjects => {
  const ownerOf = (payment: Payment): Owner => ({ installation: installation(), noun: 'payment', id: payment.id });

  const nextAttempt = (payment: Payment): Promise<unknown> =>
    database.query({
      text: `update tollgate.payment set attempt = attempt + 1, attempted_at = now() where id = $1 and attempt = $2`,
      values: [payment.id, payment.attempt],
    });

  /** Stripe said no for good: the row ends, so that the order can be paid by another attempt. */
  const end = async (payment: Payment, refusal: StripeCallError, actor: string): Promise<void> => {
    const ended = await database.transaction(async (tx) => {
      const row = await transitions.lockById(tx, payment);
      const exists = row.stripePaymentIntentId !== null || row.stripeCheckoutSessionId !== null;
      if (exists || !isOpen(row)) return undefined;
      return transitions.refuse(tx, row, { code: refusal.stripeCode ?? 'refused', actor });
    });
    if (ended) publish(ended);
  };

  const make = async <T>(payment: Payment, actor: string, create: Making<T>['create']): Promise<Answer<T>> => {
    try {
      return await inTurn(() => create(idempotencyKey(ownerOf(payment), payment.attempt)));
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      if (error.failure === 'refused') await end(payment, error, actor);
      // Stripe would replay its 5xx to this key for a day; an object that it made all the same is found by our mark.
      if ((error.status ?? 0) >= 500) await nextAttempt(payment);
      throw error;
    }
  };

  const applyPresent: PaymentObjects['applyPresent'] = async (known, actor, { read, reread, idOf, facts, note }) => {
    let { version } = known;
    let answer = await read();
    for (let tries = 1; tries <= APPLY_TRIES; tries += 1) {
      const { object, at } = answer;
      const present = facts(answer);
      const outcome = await database.transaction(async (tx) => {
        const row = await transitions.lockById(tx, known);
        const own = idOf(row) ?? object.id;
        if (row.version !== version || own !== object.id) return { kind: 'moved' as const, payment: row };
        note?.(tx, row, object);
        return transitions.apply(tx, row, present, { actor, body: { source: 'API', object }, current: true });
      });
      if (outcome.kind === 'changed') publish(outcome.payment);
      if (outcome.kind !== 'moved') return { payment: outcome.payment, object, at };
      version = outcome.payment.version;
      // Another process may have made the object meanwhile: the row's own one counts, no other is ever handed out.
      answer = await reread(idOf(outcome.payment) ?? object.id);
    }
    throw new StripeUnavailableError({ cause: new Error(`Payment ${known.id} kept moving while it was read.`) });
  };

  return {
    ownerOf,

    /** Without a Stripe id it is read first whether an earlier call made the object after all. */
    async makeOnce(payment, actor, { fresh, find, create }) {
      if (fresh) return make(payment, actor, create);
      const found = await find(Math.floor((payment.createdAt.getTime() - HOUR_MS) / 1000));
      if (found) return found;
      if (Date.now() - (payment.attemptedAt ?? payment.createdAt).getTime() < KEY_SAFE_MS)
        return make(payment, actor, create);
      await nextAttempt(payment);
      return make({ ...payment, attempt: payment.attempt + 1 }, actor, create);
    },

    applyPresent: (known, actor, present) =>
      applyPresent(known, actor, present).catch((error: unknown) => {
        throw refusalOf(error);
      }),
  };
};
