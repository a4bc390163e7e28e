import { invalidRequest } from '../errors.js';
import type { Kind, StripeObject } from '../kind.js';
import { boolean, createdFilter, expandParam, listOf, pageParams, text } from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Cause, Scope } from '../scope.js';

/** An event as it is kept: its data is text, the snapshot of the moment. */
export interface EventRow extends StripeObject {
  readonly object: 'event';
  readonly api_version: string;
  readonly created: number;
  readonly data: string;
  readonly livemode: boolean;
  pending_webhooks: number;
  readonly request: Cause;
  readonly type: string;
}
export const events: Kind<EventRow> = { table: 'event', pathParam: 'id', indexes: ['type'] };

const KEPT_SECONDS = 30 * 24 * 60 * 60;

/** The event as Stripe shows and sends it. */
export const publicEvent = (row: EventRow) => ({
  ...row,
  data: JSON.parse(row.data) as { object: StripeObject; previous_attributes?: object },
});

const matches = (type: string, pattern: string): boolean =>
  pattern === '*' || (pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type);

const recent = (scope: Scope, row: EventRow): boolean => row.created > scope.now() - KEPT_SECONDS;

/** Events (Stripe: "List all events", "Retrieve an event"): kept for 30 days of the sandbox's clock. */
export const eventResource: Resource = {
  kinds: [events],
  routes: [
    route({
      method: 'GET',
      path: '/v1/events',
      params: { ...pageParams, created: createdFilter, type: text, types: listOf(text, 20), delivery_success: boolean },
      handle: (scope, { params }) => {
        const { type, types, delivery_success: delivered } = params;
        if (type !== undefined && types !== undefined)
          throw invalidRequest('You may only specify one of these parameters: type, types.');
        const patterns = type !== undefined ? [type] : types;
        const page = scope.list(events, {
          url: '/v1/events',
          page: params,
          index: type !== undefined && !type.includes('*') ? { field: 'type', value: type } : undefined,
          where: (row) =>
            recent(scope, row) &&
            (patterns === undefined || patterns.some((pattern) => matches(row.type, pattern))) &&
            (delivered === undefined || (row.pending_webhooks === 0) === delivered),
        });
        return { ...page, data: page.data.map(publicEvent) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/events/:id',
      params: expandParam,
      handle: (scope, { id }) => {
        const row = scope.get(events, id);
        if (!recent(scope, row))
          throw invalidRequest(`No such event: '${id}'`, { status: 404, code: 'resource_missing', param: 'id' });
        return publicEvent(row);
      },
    }),
  ],
};
