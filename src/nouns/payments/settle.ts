import { DEADLINES } from '../../core/deadlines.js';
import { StripeUnavailableError } from '../../core/errors.js';
import { endsPayment, isOpen } from '../../core/states.js';
import { searchSince } from '../../core/unix-time.js';
import { readClock } from '../../storage/clock.js';
import { type Database, isDatabaseError, type Tx, UNIQUE_VIOLATION } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import { type Making, makeOnce, readKnown } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { Owner } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import { type PaymentTransitions, signalFor } from './apply.js';
import type { Payment } from './row.js';
import { writeAsked, writeForgotten } from './rows.js';

/** The object at Stripe that a payment's row stands for, a payment intent or a Checkout Session, and how it is understood. */
export interface PaymentObject<T> {
  readonly column: 'stripe_payment_intent_id' | 'stripe_checkout_session_id';
  /** The object that the row stands for by now; null while it has none. */
  idOf(row: Payment): string | null;
  retrieve(id: string): Promise<Answer<T>>;
  /** Looks for the object that carries the row's mark, made since `since` (unix seconds). */
  find(owner: Owner, since: number): Promise<Answer<T> | undefined>;
  create(row: Payment, owner: Owner, key: string): Promise<Answer<T>>;
  /** Throws unless the answer is about the row. */
  assertOurs(row: Payment, owner: Owner, answer: Answer<T>): void;
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

/** How far a settling may go. */
export interface Settling {
  readonly actor: string;
  /** True where the row was written just now and no call can have been made for it yet. */
  readonly isFresh?: boolean;
}

/** Brings payments to the state of their objects at Stripe. */
export interface PaymentObjects {
  /** The mark of the payment's object. */
  ownerOf(payment: Payment): Owner;
  /** Remembers who asks Stripe for the status, before that is done: an event that is faster than the answer names them too. */
  noteAsked(payment: Payment, status: 'CANCELED' | 'SUCCESSFUL', actor: string): Promise<void>;
  /**
   * Makes sure that the object exists, once, however often it is called: at once, again, or after a crash, and applies its
   * present state. An id that Stripe doesn't know, asked twice, is dropped, and the object found by the row's mark.
   *
   * @throws StripeDeclinedError when Stripe refuses to make it (the row is ended), NotConfiguredError, StripeUnavailableError
   */
  settle<T extends { id: string }>(payment: Payment, object: PaymentObject<T>, settling: Settling): Promise<Settled<T>>;
  /**
   * Applies what `read` brings; if a webhook moved the row since it was read, Stripe is read again.
   *
   * @throws StripeDeclinedError, NotConfiguredError, StripeUnavailableError
   */
  applyPresent<T extends { id: string }>(
    known: Payment,
    object: PaymentObject<T>,
    present: { readonly actor: string; read(): Promise<Answer<T>> },
  ): Promise<Settled<T>>;
  /**
   * Brings the row to the state of the object that carries its mark, without making one; undefined where there is none.
   *
   * @throws StripeDeclinedError, NotConfiguredError, StripeUnavailableError
   */
  refresh<T extends { id: string }>(
    payment: Payment,
    object: PaymentObject<T>,
    actor: string,
  ): Promise<Payment | undefined>;
  /**
   * Drops the id of an object that Stripe doesn't know, or that is another row's, asked twice, and gives the row; one whose
   * object is there comes back as it is.
   *
   * @throws StripeCallError
   */
  forgetUnknown<T>(payment: Payment, object: PaymentObject<T>, actor: string): Promise<Payment>;
}

const ID_CONSTRAINTS = ['payment_intent_once', 'payment_checkout_session_once'];

interface Parts {
  readonly database: Database;
  readonly transitions: PaymentTransitions;
  readonly marks: Marks;
  /** Tells every process of a committed change. */
  readonly publish: (payment: Payment) => void;
}

/** What a flow is told: the answer to somebody's call, or what was asked for by itself. */
export const sourceOf = (actor: string): 'API' | 'FETCH' => (actor === 'job' ? 'FETCH' : 'API');

type Outcome = { readonly kind: 'moved' | 'changed' | 'kept' | 'asked'; readonly payment: Payment };

/** Builds the rules that every kind of object shares. */
export const createPaymentObjects = ({ database, transitions, marks, publish }: Parts): PaymentObjects => {
  const ownerOf = (payment: Payment): Owner => marks.of('payment', payment.id);

  const nextAttempt = async ({ id, attempt }: Payment): Promise<number> => {
    await database.query({
      text: `update tollgate.payment set attempt = attempt + 1, attempted_at = now() where id = $1 and attempt = $2`,
      values: [id, attempt],
    });
    return attempt + 1;
  };

  /** Stripe said no for good: the row ends, so that the order can be paid by another attempt. */
  const end = async (payment: Payment, refusal: StripeCallError, actor: string): Promise<void> => {
    const ended = await database.transaction(async (tx) => {
      const row = await transitions.lockById(tx, payment);
      const exists = row.stripePaymentIntentId !== null || row.stripeCheckoutSessionId !== null;
      if (exists || !isOpen(row)) return undefined;
      return transitions.refuse(tx, row, { code: refusal.stripeCode ?? 'refused', actor });
    }, payment.orderId);
    if (ended) publish(ended);
  };

  const make = async <T>(payment: Payment, object: PaymentObject<T>, { actor, isFresh = false }: Settling) => {
    const owner = ownerOf(payment);
    const { createdAt, attemptedAt, attempt } = payment;
    const making: Making<T> = {
      owner,
      attempt,
      attemptedAt: isFresh ? undefined : (attemptedAt ?? createdAt),
      now: () => readClock(database),
      find: () => object.find(owner, searchSince(createdAt)),
      create: (key) => object.create(payment, owner, key),
      assertOurs: (answer) => object.assertOurs(payment, owner, answer),
      nextAttempt: () => nextAttempt(payment),
    };
    try {
      return await makeOnce(making);
    } catch (error) {
      if (error instanceof StripeCallError && error.failure === 'refused') await end(payment, error, actor);
      throw error;
    }
  };

  /** What isn't about the row counts as unknown. */
  const readOwn = <T>(payment: Payment, id: string, object: PaymentObject<T>): Promise<Answer<T> | undefined> =>
    readKnown(
      () => object.retrieve(id),
      (answer) => object.assertOurs(payment, ownerOf(payment), answer),
    );

  const forget = async <T>(payment: Payment, id: string, object: PaymentObject<T>, actor: string): Promise<Payment> => {
    const { changed, row } = await database.transaction(async (tx) => {
      const locked = await transitions.lockById(tx, payment);
      if (object.idOf(locked) !== id) return { changed: false, row: locked };
      const entry = { fromStatus: locked.status, actor, note: `Stripe does not know ${id}.` };
      const [after] = await tx.query<Payment>(writeForgotten(locked.id, object.column, entry));
      return { changed: true, row: after ?? locked };
    }, payment.orderId);
    if (changed) publish(row);
    return row;
  };

  const forgetUnknown: PaymentObjects['forgetUnknown'] = async (payment, object, actor) => {
    const id = object.idOf(payment);
    if (id === null || payment.stripeInvoiceId !== null) return payment;
    return (await readOwn(payment, id, object)) ? payment : forget(payment, id, object, actor);
  };

  /** What would end the row is believed only when Stripe says so twice: the row could never go back. */
  const confirm = async <T extends { id: string }>(known: Payment, object: PaymentObject<T>, answer: Answer<T>) => {
    if (!endsPayment(known.status, signalFor(known, object.facts(answer)))) return answer;
    const again = await readOwn(known, answer.object.id, object);
    if (!again) throw new NotAnAnswerError(`${answer.object.id} can't be read again`);
    return again;
  };

  const applyOnce = <T extends { id: string }>(
    known: Payment,
    object: PaymentObject<T>,
    { answer, actor }: { answer: Answer<T>; actor: string },
  ): Promise<Outcome> => {
    const facts = object.facts(answer);
    return database
      .transaction(async (tx): Promise<Outcome> => {
        const row = await transitions.lockById(tx, known);
        const own = object.idOf(row) ?? answer.object.id;
        if (row.version !== known.version || own !== answer.object.id) return { kind: 'moved', payment: row };
        object.note?.(tx, row, answer.object);
        const body = { source: sourceOf(actor), object: answer.object };
        return transitions.apply(tx, row, facts, { actor, body, current: true });
      }, known.orderId)
      .catch((error: unknown) => {
        if (ID_CONSTRAINTS.some((constraint) => isDatabaseError(error, UNIQUE_VIOLATION, constraint)))
          throw new NotAnAnswerError(`${answer.object.id} is another row's`);
        throw error;
      });
  };

  const applyPresent: PaymentObjects['applyPresent'] = async (known, object, { actor, read }) => {
    let row = known;
    let answer = await read();
    for (let tries = 1; tries <= DEADLINES.applyTries; tries += 1) {
      object.assertOurs(row, ownerOf(row), answer);
      answer = await confirm(row, object, answer);
      const outcome = await applyOnce(row, object, { answer, actor });
      if (outcome.kind === 'changed') publish(outcome.payment);
      if (outcome.kind !== 'moved') return { payment: outcome.payment, object: answer.object, at: answer.at };
      row = outcome.payment;
      // Another process may have made the object meanwhile: the row's own one counts, no other is ever handed out.
      answer = await object.retrieve(object.idOf(row) ?? answer.object.id);
    }
    throw new StripeUnavailableError({ cause: new Error(`Payment ${known.id} kept moving while it was read.`) });
  };

  const settle: PaymentObjects['settle'] = async (payment, object, settling) => {
    const { actor } = settling;
    const id = object.idOf(payment);
    if (id === null) return applyPresent(payment, object, { actor, read: () => make(payment, object, settling) });
    const present = await readOwn(payment, id, object);
    if (present) return applyPresent(payment, object, { actor, read: async () => present });
    if (payment.stripeInvoiceId !== null)
      throw new NotAnAnswerError(`${id} of invoice ${payment.stripeInvoiceId} is missing`);
    const forgotten = await forget(payment, id, object, actor);
    return settle(forgotten, object, { actor });
  };

  const refresh: PaymentObjects['refresh'] = async (payment, object, actor) => {
    const id = object.idOf(payment);
    const present = await (id === null
      ? object.find(ownerOf(payment), searchSince(payment.createdAt))
      : object.retrieve(id));
    return present && (await applyPresent(payment, object, { actor, read: async () => present })).payment;
  };

  const orRefusal = (error: unknown): never => {
    throw refusalOf(error);
  };

  return {
    ownerOf,
    async noteAsked({ id }, status, actor) {
      await database.query(writeAsked(id, status, actor));
    },
    settle: (payment, object, settling) => settle(payment, object, settling).catch(orRefusal),
    applyPresent: (known, object, present) => applyPresent(known, object, present).catch(orRefusal),
    refresh: (payment, object, actor) => refresh(payment, object, actor).catch(orRefusal),
    forgetUnknown,
  };
};
