import type Stripe from 'stripe';
import { NotOursError } from '../stripe/answer.js';
import { type Owner, ownerOf } from '../stripe/metadata.js';
import { idOf } from '../stripe/translate.js';
import type { Applied } from './handler.js';

/** What may be read from an event of any API version: its object's id and metadata, and the ids of what it belongs to. */
export interface Hint {
  /** The object's kind, such as `payment_intent`. */
  readonly kind: string;
  readonly id: string;
  /** The payment intent, charge and subscription that it names, where it does. */
  readonly intentId: string | null;
  readonly chargeId: string | null;
  readonly subscriptionId: string | null;
  /** Our mark for a row of this noun, if it carries one of any installation. */
  ownerOf(noun: Owner['noun']): Owner | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

const textOf = (value: unknown): string | null =>
  typeof value === 'string' ? value : idOf(fieldsOf(value) as { id: string } | undefined);

const stringsOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fieldsOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );

/** Reads the hint of an event, whatever its shape. */
export const hintOf = (event: Stripe.Event): Hint => {
  const object = fieldsOf(event.data.object);
  const details = fieldsOf(fieldsOf(object['parent'])['subscription_details'] ?? object['subscription_details']);
  const metadata = { ...stringsOf(details['metadata']), ...stringsOf(object['metadata']) };
  return {
    kind: textOf(object['object']) ?? '',
    id: textOf(object['id']) ?? '',
    intentId: textOf(object['payment_intent']),
    chargeId: textOf(object['charge']),
    subscriptionId: textOf(details['subscription']) ?? textOf(object['subscription']),
    ownerOf: (noun) => ownerOf(metadata, noun),
  };
};

/** The subscription or payment intent that the event belongs to, else its object: events of one wait for the same locks. */
export const subjectOf = (event: Stripe.Event): string => {
  const { id, intentId, subscriptionId } = hintOf(event);
  return subscriptionId ?? intentId ?? id;
};

/**
 * Refuses an answer about another object than the event's: its id, and the mark that the signed event carries, must be the same.
 *
 * @throws NotOursError
 */
export const assertSame = (
  event: Stripe.Event,
  noun: Owner['noun'],
  { id, owner }: { readonly id: string; readonly owner: Owner | undefined },
): void => {
  const hint = hintOf(event);
  const mark = hint.ownerOf(noun);
  if (id !== hint.id || (mark && owner && mark.id !== owner.id)) throw new NotOursError(`${id} in place of ${hint.id}`);
};

/** The event changes nothing of ours. */
export const ignored = (reason: string): Applied => ({
  kind: 'ended',
  end: { status: 'IGNORED', reason },
  publish: () => undefined,
});

/** The event was applied; `publish` tells of it after the commit. */
export const processed = (publish: () => void): Applied => ({ kind: 'ended', end: { status: 'PROCESSED' }, publish });
