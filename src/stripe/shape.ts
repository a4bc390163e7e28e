import { z } from 'zod';
import { NotAnAnswerError } from './answer.js';

/** PostgreSQL's text can't hold a NUL: it is stored as U+FFFD, the replacement character. */
const storable = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text);

/** Some of Stripe's ids are chosen by people, such as those of old plans. */
const id = z.string().regex(/^[^\p{Cc}\p{Cs}\p{Z}]{1,255}$/u);

/** Stripe's amounts have at most 12 digits; larger ones could overflow in sums. */
const LARGEST_AMOUNT = 10 ** 13;
/** The last second of the year 9999: what comes later is no date for a database or a client. */
const LAST_SECOND = 253_402_300_799;

/** Parts that many of Stripe's objects share, in the shapes that we rely on. Source: Stripe's OpenAPI specification. */
export const shapes = {
  id,
  /** Minor units; an invoice's total may be below 0. */
  amount: z.int().min(-LARGEST_AMOUNT).max(LARGEST_AMOUNT),
  /** Unix seconds. */
  time: z.int().min(0).max(LAST_SECOND),
  currency: z.string().regex(/^[a-z]{3}$/i),
  metadata: z.record(z.string(), z.string().transform(storable)).nullish(),
  text: z.string().transform(storable).nullish(),
  /** What may come expanded or not. */
  reference: z.union([id, z.looseObject({ id })]).nullish(),
} as const;

/**
 * Gives the object with every field that is used in its right shape.
 *
 * @throws StripeCallError, `unknown`: it is no answer of Stripe's; the message names the field and no value
 */
export const parse = <T>(schema: z.ZodType<T>, kind: string, object: unknown): T => {
  const { data, error } = schema.safeParse(object);
  if (data !== undefined) return data;
  const at = error?.issues[0]?.path.join('.') ?? '';
  throw new NotAnAnswerError(`a ${kind} whose ${at === '' ? 'form' : at} is not as documented`);
};
