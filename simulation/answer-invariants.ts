import type Stripe from 'stripe';
import { type Books, type Comparison, compare, type Invariant, type PaymentRow, paymentStatusOf } from './books.js';
import type { World } from './world.js';

/** One version of a payment, as it was told outside. */
interface ToldPayment {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly stripePaymentIntentId: string | null;
}

/** Each version once, the oldest first. */
const versionsOf = ({ ear }: World): readonly ToldPayment[] => {
  const versions = new Map<string, ToldPayment>();
  for (const { body } of ear.messages) {
    const { payment } = (JSON.parse(body) as { data: { payment?: ToldPayment } }).data;
    if (payment) versions.set(`${payment.id}/${payment.version}`, payment);
  }
  return [...versions.values()].sort((a, b) => a.version - b.version);
};

/** What Stripe said of each payment intent, in order: each event has it as it was then. */
const historiesOf = ({ intents, deliveries }: Books): ReadonlyMap<string, readonly string[]> => {
  const histories = new Map<string, string[]>();
  const say = (intent: Stripe.PaymentIntent): void => {
    const said = histories.get(intent.id) ?? ['PENDING'];
    const status = paymentStatusOf(intent);
    if (said.at(-1) !== status) said.push(status);
    histories.set(intent.id, said);
  };
  const events = new Map(deliveries.map(({ event }) => [event.id, event]));
  for (const { data: told } of events.values())
    if (told && (told.object as { object: string }).object === 'payment_intent')
      say(told.object as Stripe.PaymentIntent);
  for (const intent of intents.values()) say(intent);
  return histories;
};

/** What no payment intent says: money set aside, what ended with an invoice or cost nothing, and what ended before Stripe made anything. */
const isOwnWord = ({ status, stripePaymentIntentId: intentId }: ToldPayment, row: PaymentRow | undefined): boolean =>
  status === 'QUARANTINED' ||
  ((row?.invoiceId ?? null) !== null && (status === 'CANCELED' || intentId === null)) ||
  (intentId === null && (status === 'PENDING' || status === 'FAILED' || status === 'CANCELED'));

const groupById = (versions: readonly ToldPayment[]): ReadonlyMap<string, readonly ToldPayment[]> => {
  const groups = new Map<string, ToldPayment[]>();
  for (const told of versions) groups.set(told.id, [...(groups.get(told.id) ?? []), told]);
  return groups;
};

/** Each version tells what the payment's own intent had said, whatever Stripe answered to our questions. */
const checkOwnWord = (world: World, books: Books): Comparison => {
  const histories = historiesOf(books);
  const rows = new Map(books.payments.map((row) => [row.id, row]));
  return compare(versionsOf(world), (told) => {
    const { id, version, status, stripePaymentIntentId: intentId } = told;
    const owner = intentId === null ? undefined : books.intents.get(intentId)?.metadata['tollgate_payment'];
    if (owner !== undefined && owner !== id)
      return [`payment ${id} was told in version ${version} with ${intentId}, which is that of ${owner}`];
    if (isOwnWord(told, rows.get(id)) || histories.get(intentId ?? '')?.includes(status)) return [];
    return [`payment ${id} was told as ${status} in version ${version}; ${intentId} never was`];
  });
};

/** Each payment was told in the order in which its intent went: what was older was told no more. */
const checkOrder = (world: World, books: Books): Comparison => {
  const histories = historiesOf(books);
  const rows = new Map(books.payments.map((row) => [row.id, row]));
  return compare([...groupById(versionsOf(world))], ([id, versions]) => {
    let reached = 0;
    for (const told of versions) {
      const history = histories.get(told.stripePaymentIntentId ?? '') ?? [];
      if (isOwnWord(told, rows.get(id)) || !history.includes(told.status)) continue;
      const at = history.indexOf(told.status, reached);
      if (at < 0)
        return [
          `payment ${id} was told as ${told.status} in version ${told.version}, after ${history[reached]}: Stripe said ${history.join(', ')}`,
        ];
      reached = at;
    }
    return [];
  });
};

/** What is promised of wrong answers of Stripe, by what a run's table calls it. */
export const ANSWER_INVARIANTS = {
  "each version tells what the payment's own intent had said": checkOwnWord,
  'no version tells what was older than the one before': checkOrder,
} as const satisfies Readonly<Record<string, Invariant>>;
