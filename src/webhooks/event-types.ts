import { CHECKOUT_EVENTS } from './checkout-events.js';
import { CUSTOMER_EVENTS } from './customer-events.js';
import { INVOICE_EVENTS } from './invoice-events.js';
import { PAYMENT_INTENT_EVENTS } from './payment-intent-events.js';
import { REFUND_EVENTS } from './refund-events.js';
import { SUBSCRIPTION_EVENTS } from './subscription-events.js';

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
      `WEBHOOK_EVENT_TYPES and the handlers differ: ${[...unhandled, ...unlisted].join(', ')}. List in src/webhooks/event-types.ts what is handled.`,
    );
};
