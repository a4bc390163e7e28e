import { z } from 'zod';
import { NotAnAnswerError } from './answer.js';

/** PostgreSQL's text can't hold a NUL: it is stored as U+FFFD, the replacement character. */
const storable = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text);

/** Parts that many of Stripe's objects share, in the shapes that we rely on. Source: Stripe's OpenAPI specification. */
export const shapes = {
  id: z.string().regex(/^[\w:.-]{1,255}$/),
  /** Minor units; an invoice's total may be below 0. */
  amount: z.int(),
  /** Unix seconds. */
  time: z.int(),
  currency: z.string().regex(/^[a-z]{3}$/i),
  metadata: z.record(z.string(), z.string().transform(storable)).nullish(),
  text: z.string().transform(storable).nullish(),
  /** What may come expanded or not. */
  reference: z.union([z.string(), z.looseObject({ id: z.string() })]).nullish(),
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
