import { z } from 'zod';
import { NotAnAnswerError } from './answer.js';
import { methodSummary, type PaymentMethodSummary } from './charge-snapshot.js';
import { parse, shapes } from './shape.js';
import { idOf } from './translate.js';

/** A payment method in our words, as far as it may be shown. */
export interface MethodSnapshot extends PaymentMethodSummary {
  readonly methodId: string;
  /** The customer that it is saved for; null for one that nobody keeps. */
  readonly customerId: string | null;
  readonly livemode: boolean;
  readonly createdAt: Date;
}

const METHOD = z.looseObject({
  id: shapes.id,
  type: z.string().regex(/^\w{1,100}$/),
  customer: shapes.reference,
  livemode: z.boolean(),
  created: shapes.time,
});

/**
 * Translates a payment method. Source: Stripe docs, "The PaymentMethod object".
 *
 * @throws StripeCallError when it is none
 */
export const methodSnapshot = (object: unknown): MethodSnapshot => {
  const { id, customer, livemode, created } = parse(METHOD, 'payment method', object);
  const summary = methodSummary(object);
  if (summary === null) throw new NotAnAnswerError(`the method ${id} without its type`);
  return { ...summary, methodId: id, customerId: idOf(customer), livemode, createdAt: new Date(created * 1000) };
};

/** A customer in our words. */
export interface CustomerSnapshot {
  readonly customerId: string;
  readonly isDeleted: boolean;
  /** What later payments go to unless told otherwise. */
  readonly defaultMethodId: string | null;
}

const CUSTOMER = z.object({
  id: shapes.id,
  deleted: z.boolean().nullish(),
  invoice_settings: z.object({ default_payment_method: shapes.reference }).nullish(),
});

/** Translates a customer. @throws StripeCallError when it is none */
export const customerSnapshot = (object: unknown): CustomerSnapshot => {
  const { id, deleted, invoice_settings: settings } = parse(CUSTOMER, 'customer', object);
  return { customerId: id, isDeleted: deleted === true, defaultMethodId: idOf(settings?.default_payment_method) };
};

/** How far the saving of a method is. */
export interface SetupSnapshot {
  readonly setupId: string;
  /** Whether the customer may still go on with it. */
  readonly isOpen: boolean;
  readonly customerId: string | null;
  readonly livemode: boolean;
  /** For Stripe.js. */
  readonly clientSecret: string | null;
}

const SETUP = z.object({
  id: shapes.id,
  status: z.string(),
  customer: shapes.reference,
  livemode: z.boolean(),
  client_secret: shapes.text,
});

/** Translates a setup intent. Source: Stripe docs, "The SetupIntent object". @throws StripeCallError when it is none */
export const setupSnapshot = (object: unknown): SetupSnapshot => {
  const { id, status, customer, livemode, client_secret: secret } = parse(SETUP, 'setup intent', object);
  return {
    setupId: id,
    isOpen: status.startsWith('requires_'),
    customerId: idOf(customer),
    livemode,
    clientSecret: secret ?? null,
  };
};
