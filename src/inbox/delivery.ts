import type Stripe from 'stripe';
import { redact, TooDeepError } from '../core/redaction.js';

/** A verified body, read: the event, and the text that is stored of it. */
export interface Delivery {
  readonly event: Stripe.Event;
  readonly payload: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (form: RegExp) => (value: unknown) => typeof value === 'string' && form.test(value);

/**
 * What every event of every API version has; every delivery passes here, so it is asked without a schema library.
 * Source: Stripe docs, "The Event object".
 */
const FIELDS: readonly (readonly [name: string, isValid: (value: unknown) => boolean])[] = [
  ['id', isText(/^[\w.:-]{1,255}$/)],
  ['object', (value) => value === 'event'],
  ['type', isText(/^[\w.]{1,255}$/)],
  ['api_version', (value) => typeof (value ?? '') === 'string'],
  ['created', Number.isSafeInteger],
  ['livemode', (value) => typeof value === 'boolean'],
  ['data', isObject],
];

/** What keeps it from being an event, in words. */
const faultOf = (parsed: unknown): string | undefined => {
  if (!isObject(parsed)) return 'it is no object';
  const [name] = FIELDS.find(([field, isValid]) => !isValid(parsed[field])) ?? [];
  const at = name ?? (isObject((parsed['data'] as { object?: unknown }).object) ? undefined : 'data.object');
  return at === undefined ? undefined : `its ${at} is missing or not as documented`;
};

/**
 * Reads an event and takes the secrets out of it (see redaction.ts): the object as well as the text are without them.
 * The reason, in words, where the body can never be an event.
 */
export const readDelivery = (body: string): Delivery | { readonly fault: string } => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { fault: 'it is no JSON' };
  }
  const fault = faultOf(parsed);
  if (fault !== undefined) return { fault };
  const event = parsed as Stripe.Event;
  try {
    return { event, payload: redact(event.data, body) ?? JSON.stringify(event) };
  } catch (tooDeep) {
    if (tooDeep instanceof TooDeepError) return { fault: tooDeep.message };
    throw tooDeep;
  }
};

/** The same for an event that Stripe listed. */
export const deliveryOf = (event: Stripe.Event): Delivery => {
  const read = readDelivery(JSON.stringify(event));
  if ('fault' in read) throw new Error(`Stripe listed something that is no event: ${read.fault}.`);
  return read;
};
