import { StripeUnavailableError } from '../../core/errors.js';
import { endsPayment } from '../../core/states.js';
import { searchSince } from '../../core/unix-time.js';
import { isDatabaseError, UNIQUE_VIOLATION } from '../../storage/database.js';
import { type Answer, NotAnAnswerError } from '../../stripe/answer.js';
import { type AppliedOrMoved, applyOrReadAgain } from '../../stripe/apply-or-read-again.js';
import { refusalOf } from '../../stripe/refusal.js';
import { saidTwice } from '../../stripe/said-twice.js';
import { signalFor } from './decide.js';
import { makeObject, type Settling, type SettlingParts } from './make.js';
import { type PaymentObject, type PaymentWithObject, readOwn } from './object.js';
import type { Payment } from './row.js';
import { writeAsked, writeForgotten } from './rows.js';

/** A payment brought to Stripe's present state, with the object that told. */
export interface Settled<T> {
  readonly payment: Payment;
  readonly object: T;
  /** Stripe's time of the answer, unix seconds. */
  readonly at: number;
}

/** Brings payments to the state of their objects at Stripe. */
export interface PaymentObjects {
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

/** What a flow is told: the answer to somebody's call, or what was asked for by itself. */
export const sourceOf = (actor: string): 'API' | 'FETCH' => (actor === 'job' ? 'FETCH' : 'API');

interface Present<T> {
  readonly actor: string;
  read(): Promise<Answer<T>>;
}

const forget = async <T>(
  { database, transitions, publish }: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  { id, actor }: { readonly id: string; readonly actor: string },
): Promise<Payment> => {
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

const forgetUnknown = async <T>(
  parts: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  actor: string,
): Promise<Payment> => {
  const id = object.idOf(payment);
  if (id === null || payment.stripeInvoiceId !== null) return payment;
  if (await readOwn(parts.marks, { payment, object }, id)) return payment;
  return forget(parts, { payment, object }, { id, actor });
};

/** What would end the row is believed only when Stripe says so twice: the row could never go back. */
const confirm = async <T extends { id: string }>(
  { marks }: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  answer: Answer<T>,
): Promise<Answer<T>> => {
  object.assertOurs(payment, marks.of('payment', payment.id), answer);
  return saidTwice(answer, {
    endOf(said) {
      const facts = object.facts(said);
      const signal = signalFor(payment, facts);
      return endsPayment(payment.status, signal) ? `${signal} ${facts.amountReceived}` : undefined;
    },
    async read() {
      const again = await readOwn(marks, { payment, object }, answer.object.id);
      if (!again) throw new NotAnAnswerError(`${answer.object.id} can't be read again`);
      return again;
    },
  });
};

/** Applies an answer under the locks, unless the row moved since it was asked for. */
const applyOnce = async <T extends { id: string }>(
  { database, transitions, publish }: SettlingParts,
  { payment: known, object }: PaymentWithObject<T>,
  { answer, actor }: { readonly answer: Answer<T>; readonly actor: string },
): Promise<AppliedOrMoved<Payment, Settled<T>>> => {
  const facts = object.facts(answer);
  const outcome = await database
    .transaction(async (tx) => {
      const row = await transitions.lockById(tx, known);
      const own = object.idOf(row) ?? answer.object.id;
      if (row.version !== known.version || own !== answer.object.id) return { kind: 'moved' as const, payment: row };
      object.note?.(tx, row, answer.object);
      const body = { source: sourceOf(actor), object: answer.object };
      return transitions.apply(tx, row, { snapshot: facts, cause: { actor, body, current: true } });
    }, known.orderId)
    .catch((error: unknown) => {
      if (ID_CONSTRAINTS.some((constraint) => isDatabaseError(error, UNIQUE_VIOLATION, constraint)))
        throw new NotAnAnswerError(`${answer.object.id} is another row's`);
      throw error;
    });
  const { kind, payment } = outcome;
  if (kind === 'changed') publish(payment);
  return kind === 'moved'
    ? { moved: true, row: payment }
    : { moved: false, done: { payment, object: answer.object, at: answer.at } };
};

const applyPresent = async <T extends { id: string }>(
  parts: SettlingParts,
  { payment: known, object }: PaymentWithObject<T>,
  { actor, read }: Present<T>,
): Promise<Settled<T>> => {
  const outcome = await applyOrReadAgain<Payment, Answer<T>, Settled<T>>(known, {
    read,
    async apply(payment, present) {
      const answer = await confirm(parts, { payment, object }, present);
      return applyOnce(parts, { payment, object }, { answer, actor });
    },
    // Another process may have made the object meanwhile: the row's own one counts, no other is ever handed out.
    readAgain: (payment, answer) => object.retrieve(object.idOf(payment) ?? answer.object.id),
  });
  if (!outcome.moved) return outcome.done;
  throw new StripeUnavailableError({ cause: new Error(`Payment ${known.id} kept moving while it was read.`) });
};

const settle = async <T extends { id: string }>(
  parts: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  settling: Settling,
): Promise<Settled<T>> => {
  const { actor } = settling;
  const subject = { payment, object };
  const id = object.idOf(payment);
  if (id === null) {
    const made = await makeObject(parts, subject, settling);
    return applyPresent(parts, { payment: made.payment, object }, { actor, read: async () => made.answer });
  }
  const present = await readOwn(parts.marks, subject, id);
  if (present) return applyPresent(parts, subject, { actor, read: async () => present });
  if (payment.stripeInvoiceId !== null)
    throw new NotAnAnswerError(`${id} of invoice ${payment.stripeInvoiceId} is missing`);
  return settle(parts, { payment: await forget(parts, subject, { id, actor }), object }, { actor });
};

const refresh = async <T extends { id: string }>(
  parts: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  actor: string,
): Promise<Payment | undefined> => {
  const id = object.idOf(payment);
  const present = await (id === null
    ? object.find(parts.marks.of('payment', payment.id), searchSince(payment.createdAt))
    : object.retrieve(id));
  if (!present) return undefined;
  return (await applyPresent(parts, { payment, object }, { actor, read: async () => present })).payment;
};

const orRefusal = (error: unknown): never => {
  throw refusalOf(error);
};

/** Builds the rules that every kind of object shares. */
export const createPaymentObjects = (parts: SettlingParts): PaymentObjects => ({
  async noteAsked({ id }, status, actor) {
    await parts.database.query(writeAsked(id, status, actor));
  },
  settle: (payment, object, settling) => settle(parts, { payment, object }, settling).catch(orRefusal),
  applyPresent: (payment, object, present) => applyPresent(parts, { payment, object }, present).catch(orRefusal),
  refresh: (payment, object, actor) => refresh(parts, { payment, object }, actor).catch(orRefusal),
  forgetUnknown: (payment, object, actor) => forgetUnknown(parts, { payment, object }, actor),
});
