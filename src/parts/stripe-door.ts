import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config.js';
import { createBatchMetrics } from '../inbox/batch-metrics.js';
import { createEventBatches } from '../inbox/event-batches.js';
import { createEventFollower, type EventFollower } from '../inbox/event-follower.js';
import { createEventReads, type EventReads } from '../inbox/event-reads.js';
import { createEvents, type Events } from '../inbox/event-replay.js';
import { createInbox, type Inbox, type InboxLimits } from '../inbox/inbox.js';
import { createEventProcessor, type EventProcessor } from '../inbox/process-event.js';
import { createReconciler, type Reconciler } from '../inbox/reconciler.js';
import { createReconciliationState } from '../inbox/reconciliation-state.js';
import type { BuiltNouns } from './nouns.js';
import type { OnStop } from './on-stop.js';
import type { OperatorParts } from './operator.js';
import type { ProcessMetrics } from './process-metrics.js';
import type { Storage } from './storage.js';

/** Where Stripe's word comes in: by webhook, and by asking. */
export interface StripeDoor {
  readonly inbox: Inbox;
  readonly processor: EventProcessor;
  readonly events: Events & Pick<EventReads, 'idsOf'>;
  readonly reconciler: Reconciler;
  readonly follower: EventFollower;
}

interface Needs {
  readonly config: Pick<Config, 'reconcileMinutes' | 'eventBatches'>;
  readonly storage: Storage;
  readonly operator: Pick<OperatorParts, 'connection'>;
  readonly nouns: BuiltNouns;
  readonly eventTypes: readonly string[];
  readonly inboxLimits: InboxLimits | undefined;
  /** Where it counts. */
  readonly registry: Registry;
  readonly metrics: Pick<ProcessMetrics, 'tookEvent'>;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** Builds the path of a webhook, and the search for what no webhook told. */
export const createStripeDoor = (needs: Needs): StripeDoor => {
  const { config, nouns, eventTypes, log, onStop } = needs;
  const { database, directUrl } = needs.storage;
  const { connection } = needs.operator;
  const inbox = createInbox(database, needs.inboxLimits);
  const metrics = createBatchMetrics(needs.registry);
  const batches = createEventBatches({ database, inbox, mode: config.eventBatches, metrics, log });
  const took = needs.metrics.tookEvent;
  const processor = createEventProcessor({ database, inbox, connection, handlers: nouns.handlers, batches, took, log });
  onStop(() => processor.idle());
  const reads = createEventReads(database, nouns.stripeIds);
  const reconciler = createReconciler({
    database,
    databaseUrl: directUrl,
    connection,
    processor,
    openRows: nouns.openRows,
    state: createReconciliationState(database),
    eventTypes,
    everyMs: config.reconcileMinutes * 60_000,
    log,
  });
  const follower = createEventFollower({ database, connection, processor, eventTypes, log });
  return {
    inbox,
    processor,
    follower,
    events: { ...createEvents({ database, reads, processor }), idsOf: reads.idsOf },
    reconciler,
  };
};
