import { CUSTOMER_EVENTS } from '../nouns/customers/events.js';
import { CHECKOUT_EVENTS } from '../nouns/payments/checkout-events.js';
import { PAYMENT_INTENT_EVENTS } from '../nouns/payments/events.js';
import { SUBSCRIPTION_EVENTS } from '../nouns/recurring/events.js';
import { REFUND_EVENTS } from '../nouns/refunds/events.js';
import { INVOICE_EVENTS } from '../nouns/renewals/events.js';

/** Every type of event that we apply: what the webhook endpoint is registered for, exactly. */
export const WEBHOOK_EVENT_TYPES: readonly string[] = [
  ...PAYMENT_INTENT_EVENTS,
  ...REFUND_EVENTS,
  ...SUBSCRIPTION_EVENTS,
  ...INVOICE_EVENTS,
  ...CHECKOUT_EVENTS,
  ...CUSTOMER_EVENTS,
];

/** Refuses handlers that don't cover WEBHOOK_EVENT_TYPES, or cover more: such events would be lost, or never come. */
export const assertHandled = (handled: Iterable<string>): void => {
  const types = new Set(handled);
  const unhandled = WEBHOOK_EVENT_TYPES.filter((type) => !types.has(type));
  const unlisted = [...types].filter((type) => !WEBHOOK_EVENT_TYPES.includes(type));
  if (unhandled.length + unlisted.length > 0)
    throw new Error(
      `WEBHOOK_EVENT_TYPES and the handlers differ: ${[...unhandled, ...unlisted].join(', ')}. List in src/inbox/event-types.ts what is handled.`,
    );
};
