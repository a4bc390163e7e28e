import type { Clock } from './clock.js';
import type { Deliveries } from './deliveries.js';
import type { Faults } from './faults.js';
import type { StripeObject } from './kind.js';
import { previousAttributes } from './previous-attributes.js';
import type { Resource } from './resource.js';
import { type EventRow, events } from './resources/event.js';
import type { Scope } from './scope.js';
import { API_VERSION } from './version.js';

/** The events whose `created` equals the one before, for the fault `same-second`. */
const createdAt = (scope: Scope, clock: Clock, faults: Faults, type: string, last: number | undefined): number => {
  const now = clock.now();
  if (last === undefined || !faults.takeForEvent(type, ['same-second'])) return now;
  return Math.min(last, scope.now());
};

/**
 * Turns changes into events (Stripe: "The Event object", "Types of events"): each is a snapshot of the object at this
 * moment, in the order in which things happened.
 */
export const createEmitter = (parts: {
  clock: Clock;
  faults: Faults;
  deliveries: Deliveries;
  resources: readonly Resource[];
}) => {
  const { clock, faults, deliveries, resources } = parts;
  const lastCreated = new Map<string, number>();

  return (scope: Scope, type: string, row: StripeObject, before?: StripeObject): void => {
    const previous = before ? previousAttributes(before, row) : undefined;
    const targets = deliveries.targets(scope, type);
    const created = createdAt(scope, clock, faults, type, lastCreated.get(scope.account));
    lastCreated.set(scope.account, created);
    const event: EventRow = {
      id: scope.newId('evt'),
      object: 'event',
      api_version: API_VERSION,
      created,
      data: JSON.stringify({ object: row, ...(previous ? { previous_attributes: previous } : {}) }),
      livemode: scope.livemode,
      pending_webhooks: targets.length,
      request: scope.cause,
      type,
    };
    scope.save(events, event);
    deliveries.publish(scope, event, targets);
    for (const { reactions } of resources) reactions?.[type]?.(scope, row.id);
  };
};
