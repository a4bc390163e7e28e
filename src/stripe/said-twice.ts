import type Stripe from 'stripe';
import { isConclusive } from '../core/states.js';
import { type Answer, NotAnAnswerError } from './answer.js';
import type { StripeGateway } from './gateway.js';
import { type InvoiceSnapshot, invoiceSnapshot } from './invoice-snapshot.js';
import type { PaymentFacts } from './translate.js';

/** How what ends a row is heard a second time. */
interface Hearing<T> {
  /** Which end the answer would be, with its money, in words that can be compared; undefined where it ends nothing. */
  endOf(answer: Answer<T>): string | undefined;
  read(): Promise<Answer<T>>;
}

/** Two that say the same within so many reads. */
const TRIES = 3;

/**
 * Believes what would end a row only when Stripe says so twice in a row: the row could never go back. Gives the answer that
 * decides; one that ends nothing decides at once.
 *
 * @throws StripeCallError, `unknown` when each read says something else
 */
export const saidTwice = async <T>(first: Answer<T>, { endOf, read }: Hearing<T>): Promise<Answer<T>> => {
  let answer = first;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const end = endOf(answer);
    if (end === undefined) return answer;
    const again = await read();
    if (endOf(again) === end) return again;
    answer = again;
  }
  throw new NotAnAnswerError('it says something else each time');
};

/** The end of a payment that Stripe's word would be. */
export const endOfFacts = ({ signal, amountReceived }: PaymentFacts): string | undefined =>
  isConclusive(signal) ? `${signal} ${amountReceived}` : undefined;

const endOfInvoice = (invoice: InvoiceSnapshot | undefined): string | undefined => {
  if (!invoice) return undefined;
  const { status, total, amountReceived, intent } = invoice;
  if (status === 'paid' || status === 'void') return `${status} ${total} ${amountReceived}`;
  return intent === null ? undefined : endOfFacts(intent);
};

/**
 * Reads an invoice; one that would end its payment says so twice.
 *
 * @throws StripeCallError
 */
export const readInvoice = async (
  { retrieveInvoice }: Pick<StripeGateway, 'retrieveInvoice'>,
  id: string,
): Promise<Answer<Stripe.Invoice>> =>
  saidTwice(await retrieveInvoice(id), {
    endOf: ({ object, at }) => endOfInvoice(invoiceSnapshot(object, at)),
    read: () => retrieveInvoice(id),
  });
