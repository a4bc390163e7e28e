import type { Tx } from '../../storage/database.js';
import type { Answer, StripeCallError } from '../../stripe/answer.js';
import { readKnown } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { Owner } from '../../stripe/metadata.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import type { Payment } from './row.js';

/** The object at Stripe that a payment's row stands for, a payment intent or a Checkout Session, and how it is understood. */
export interface PaymentObject<T> {
  readonly column: 'stripe_payment_intent_id' | 'stripe_checkout_session_id';
  /** The object that the row stands for by now; null while it has none. */
  idOf(row: Payment): string | null;
  retrieve(id: string): Promise<Answer<T>>;
  /** Looks for the object that carries the row's mark, made since `since` (unix seconds). */
  find(owner: Owner, since: number): Promise<Answer<T> | undefined>;
  create(row: Payment, owner: Owner, key: string): Promise<Answer<T>>;
  /** The row with all that the object is made of, its customer included, who is made where there is none. Twice gives the same. */
  complete(row: Payment): Promise<Payment>;
  /** The row, so changed that its next attempt may succeed after this failure; undefined where it can't. */
  mend(row: Payment, failure: StripeCallError, actor: string): Promise<Payment | undefined>;
  /** Throws unless the answer is about the row. */
  assertOurs(row: Payment, owner: Owner, answer: Answer<T>): void;
  facts(answer: Answer<T>): PaymentFacts;
  /** Writes what else the row learns, in the same transaction. */
  note?(tx: Tx, row: Payment, object: T): void;
}

/** A payment as it is known, and the object that it stands for. */
export interface PaymentWithObject<T> {
  readonly payment: Payment;
  readonly object: PaymentObject<T>;
}

/** Reads the object with this id; undefined when Stripe doesn't know it, or another row's is under it. @throws StripeCallError */
export const readOwn = <T>(
  marks: Marks,
  { payment, object }: PaymentWithObject<T>,
  id: string,
): Promise<Answer<T> | undefined> =>
  readKnown(
    () => object.retrieve(id),
    (answer) => object.assertOurs(payment, marks.of('payment', payment.id), answer),
  );
