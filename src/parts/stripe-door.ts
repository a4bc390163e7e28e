import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Flows } from '../flows/flows.js';
import { createEventReads, type EventReads } from '../inbox/event-reads.js';
import { createEvents, type Events } from '../inbox/event-replay.js';
import { assertHandled, WEBHOOK_EVENT_TYPES } from '../inbox/event-types.js';
import type { EventHandler } from '../inbox/handler.js';
import { createInbox, type Inbox, type InboxLimits } from '../inbox/inbox.js';
import { createEventProcessor, type EventProcessor } from '../inbox/process-event.js';
import { createReconciler, type Reconciler } from '../inbox/reconciler.js';
import { createOpenRowPages } from '../inbox/reconciliation-rows.js';
import { createReconciliationState } from '../inbox/reconciliation-state.js';
import { createRowRefresh } from '../inbox/row-refresh.js';
import { CUSTOMER_EVENTS, createCustomerEvents } from '../nouns/customers/events.js';
import { CHECKOUT_EVENTS, createCheckoutEvents } from '../nouns/payments/checkout-events.js';
import { createPaymentIntentEvents, PAYMENT_INTENT_EVENTS } from '../nouns/payments/events.js';
import { createSubscriptionEvents, SUBSCRIPTION_EVENTS } from '../nouns/recurring/events.js';
import { createRefundEvents, REFUND_EVENTS } from '../nouns/refunds/events.js';
import { createInvoiceEvents, INVOICE_EVENTS } from '../nouns/renewals/events.js';
import type { RenewalLowering } from '../nouns/renewals/lowering.js';
import type { Announcements } from './announcements.js';
import type { Money } from './money.js';
import type { OnStop } from './on-stop.js';
import type { OperatorParts } from './operator.js';
import type { Storage } from './storage.js';

/** Where Stripe's word comes in: by webhook, and by asking. */
export interface StripeDoor {
  readonly inbox: Inbox;
  readonly processor: EventProcessor;
  readonly events: Events & Pick<EventReads, 'idsOf'>;
  readonly reconciler: Reconciler;
}

interface Needs {
  readonly config: Pick<Config, 'reconcileMinutes'>;
  readonly storage: Storage;
  readonly operator: Pick<OperatorParts, 'connection'>;
  readonly announcements: Announcements;
  readonly money: Money;
  readonly flows: Flows;
  readonly inboxLimits: InboxLimits | undefined;
  /** Nothing is written, and nothing is changed at Stripe. */
  readonly rehearses: boolean;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** One screen: which events go to which handler. */
const createHandlers = (needs: Needs, lower: RenewalLowering['begin']): ReadonlyMap<string, EventHandler> => {
  const { money, flows } = needs;
  const { publish, publishRefunds, publishRecurring } = needs.announcements;
  const { database } = needs.storage;
  const shared = { connection: needs.operator.connection, installation: needs.storage.installation };
  const handlers: readonly (readonly [readonly string[], EventHandler])[] = [
    [
      PAYMENT_INTENT_EVENTS,
      createPaymentIntentEvents({
        ...shared,
        database,
        transitions: money.transitions,
        attempts: money.attempts,
        publish,
        deliversDuplicates: flows.paymentCallback.duplicates === 'deliver',
      }),
    ],
    [
      REFUND_EVENTS,
      createRefundEvents({
        ...shared,
        payments: money.transitions,
        refunds: money.refundTransitions,
        publish: publishRefunds,
        deliversDuplicates: flows.refundCallback.duplicates === 'deliver',
      }),
    ],
    [
      SUBSCRIPTION_EVENTS,
      createSubscriptionEvents({
        ...shared,
        database,
        transitions: money.recurring.transitions,
        attempts: money.recurring.attempts,
        publish: publishRecurring,
      }),
    ],
    [INVOICE_EVENTS, createInvoiceEvents({ ...shared, invoices: money.recurring.invoices, publish, lower })],
    [
      CHECKOUT_EVENTS,
      createCheckoutEvents({
        ...shared,
        payments: money.transitions,
        recurring: money.recurring.transitions,
        publish,
        publishRecurring,
      }),
    ],
    [CUSTOMER_EVENTS, createCustomerEvents({ ...shared, customers: money.recurring.customers })],
  ];
  return new Map(handlers.flatMap(([types, handler]) => types.map((type) => [type, handler] as const)));
};

/** Builds the path of a webhook, and the search for what no webhook told. */
export const createStripeDoor = (needs: Needs): StripeDoor => {
  const { config, money, log, onStop } = needs;
  const { database, databaseUrl } = needs.storage;
  const { connection } = needs.operator;
  const { publish } = needs.announcements;
  const { lowering } = money.recurring;
  const lower: RenewalLowering['begin'] = needs.rehearses ? () => undefined : lowering.begin;
  const handlers = createHandlers(needs, lower);
  assertHandled(handlers.keys());
  onStop(() => lowering.idle());
  const inbox = createInbox(database, needs.inboxLimits);
  const processor = createEventProcessor({ database, inbox, connection, handlers, log });
  onStop(() => processor.idle());
  const reads = createEventReads(database);
  const reconciler = createReconciler({
    database,
    databaseUrl,
    connection,
    processor,
    rows: createOpenRowPages(database),
    refresh: createRowRefresh({
      database,
      attempts: money.attempts,
      refunds: money.refundAttempts,
      recurring: money.recurring.attempts,
      invoices: money.recurring.invoices,
      subscriptionCheckouts: money.recurring.checkouts,
      publish,
      lower,
    }),
    state: createReconciliationState(database),
    eventTypes: WEBHOOK_EVENT_TYPES,
    everyMs: config.reconcileMinutes * 60_000,
    log,
  });
  return { inbox, processor, events: { ...createEvents({ reads, processor }), idsOf: reads.idsOf }, reconciler };
};
