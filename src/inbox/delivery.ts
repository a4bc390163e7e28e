import type Stripe from 'stripe';
import { z } from 'zod';
import { redact, TooDeepError } from '../core/redaction.js';

/** A verified body, read: the event, and the text that is stored of it. */
export interface Delivery {
  readonly event: Stripe.Event;
  readonly payload: string;
}

/** What every event of every API version has. Source: Stripe docs, "The Event object". */
const EVENT = z.looseObject({
  id: z.string().regex(/^[\w.:-]{1,255}$/),
  object: z.literal('event'),
  type: z.string().regex(/^[\w.]{1,255}$/),
  api_version: z.string().nullish(),
  created: z.int(),
  livemode: z.boolean(),
  data: z.looseObject({ object: z.looseObject({}) }),
});

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
  const { data, error } = EVENT.safeParse(parsed);
  if (!data) {
    const at = error.issues[0]?.path.join('.') ?? '';
    return { fault: at === '' ? 'it is no object' : `its ${at} is missing or not as documented` };
  }
  try {
    return { event: data as unknown as Stripe.Event, payload: redact(data.data, body) ?? JSON.stringify(data) };
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
