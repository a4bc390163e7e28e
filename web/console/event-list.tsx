import { useView } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Breakable } from './breakable.js';
import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List } from './list.js';
import { ENUMS, type EventFieldsFragment, WebhookEventsDocument } from './operations.js';
import { ReplayMany } from './replay-many.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

const COLUMNS: readonly Column<EventFieldsFragment>[] = [
  {
    title: 'Event',
    cell: ({ id, type }) => (
      <a href={`#/events/${encodeURIComponent(id)}`}>
        <Breakable>{type}</Breakable>
      </a>
    ),
  },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Attempts', isNumber: true, isExtra: true, cell: ({ attempts }) => attempts },
  { title: 'What became of it', isExtra: true, cell: ({ lastError, reason }) => lastError ?? reason ?? '' },
  { title: 'Received', isExtra: true, cell: ({ receivedAt }) => <Time at={receivedAt} /> },
];

/** What the view narrows events to. */
const filterOf = (view: URLSearchParams) => {
  const { createdFrom, createdTo } = momentsOf(view);
  return {
    status: chosen(view, 'status', ENUMS.WebhookEventStatus),
    type: view.get('type') ?? undefined,
    receivedFrom: createdFrom,
    receivedTo: createdTo,
  };
};

/** What Stripe sent, the newest first. */
export const EventList = () => {
  const { request } = useTollgate();
  const [view] = useView();
  return (
    <List
      title="Events"
      columns={COLUMNS}
      empty="Stripe has sent nothing yet. Pay for an order, and its events show up here."
      filters={
        <>
          <Search name="search" label="Find" />
          <Search name="type" label="Type" hint="payment_intent.succeeded" />
          <Choice name="status" label="Status" values={ENUMS.WebhookEventStatus} />
          <Days />
        </>
      }
      read={async (narrowed, page) =>
        (
          await request(WebhookEventsDocument, {
            ...filterOf(narrowed),
            search: narrowed.get('search') ?? undefined,
            ...page,
          })
        ).webhookEvents
      }
    >
      {!view.has('search') && <ReplayMany filter={filterOf(view)} />}
    </List>
  );
};
