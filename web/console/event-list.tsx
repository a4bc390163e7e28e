import { useState } from 'react';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { EventRows } from './event-rows.js';
import { Filter } from './filter.js';
import { type WebhookEventStatus, WebhookEventsDocument } from './operations.js';
import { usePaged } from './paged.js';
import { useTollgate } from './session.js';

const STATUSES: readonly WebhookEventStatus[] = ['RECEIVED', 'PROCESSED', 'IGNORED', 'FAILED', 'DEAD'];

/** What Stripe sent, the newest first. */
export const EventList = () => {
  const { request } = useTollgate();
  const [status, setStatus] = useState<WebhookEventStatus>();
  const list = usePaged(
    `events ${status}`,
    async (after) => (await request(WebhookEventsDocument, { status, after })).webhookEvents,
    5_000,
  );
  return (
    <section className="card" aria-labelledby="events">
      <div className="heading">
        <h1 id="events">Events</h1>
        <Filter label="Status" values={STATUSES} value={status} onChange={setStatus} />
      </div>
      {list.value ? <ErrorNotice error={list.error} /> : <Waiting error={list.error} />}
      {list.value?.rows.length === 0 && (
        <Empty>
          {status
            ? 'No event has this status now.'
            : 'Stripe has sent nothing yet. Pay for an order, and its events show up here.'}
        </Empty>
      )}
      {list.value && <EventRows events={list.value.rows} label="Events" />}
      {list.value?.hasMore && (
        <button type="button" onClick={list.more}>
          Show older ones
        </button>
      )}
    </section>
  );
};
