import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Choice, chosen, Search } from './filter.js';
import { List } from './list.js';
import { type EventFieldsFragment, type WebhookEventStatus, WebhookEventsDocument } from './operations.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

const STATUSES: readonly WebhookEventStatus[] = ['RECEIVED', 'PROCESSED', 'IGNORED', 'FAILED', 'DEAD'];

const COLUMNS: readonly Column<EventFieldsFragment>[] = [
  { title: 'Event', cell: ({ id, type }) => <a href={`#/events/${encodeURIComponent(id)}`}>{type}</a> },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Attempts', isNumber: true, isExtra: true, cell: ({ attempts }) => attempts },
  { title: 'What became of it', isExtra: true, cell: ({ lastError, reason }) => lastError ?? reason ?? '' },
  { title: 'Received', isExtra: true, cell: ({ receivedAt }) => <Time at={receivedAt} /> },
];

/** What Stripe sent, the newest first. */
export const EventList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Events"
      columns={COLUMNS}
      empty="Stripe has sent nothing yet. Pay for an order, and its events show up here."
      filters={
        <>
          <Search name="type" label="Type" hint="payment_intent.succeeded" />
          <Choice name="status" label="Status" values={STATUSES} />
        </>
      }
      read={async (view, after) =>
        (
          await request(WebhookEventsDocument, {
            status: chosen(view, 'status', STATUSES),
            type: view.get('type') ?? undefined,
            after,
          })
        ).webhookEvents
      }
    />
  );
};
