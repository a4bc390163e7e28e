import { useEffect } from 'react';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { TimelineDocument, type TimelineQuery } from './operations.js';
import { useTollgate } from './session.js';

type Entry = NonNullable<TimelineQuery['payment']>['timeline'][number];

/** All that happened to a payment: when, by whom or by which event, and which flow ran. Read again at each new version. */
export const Timeline = ({ id, version }: { readonly id: string; readonly version: number }) => {
  const { request } = useTollgate();
  const { value, error, reload } = useLoaded(
    id,
    async () => (await request(TimelineDocument, { id })).payment?.timeline,
  );
  // Each new version has an entry.
  useEffect(reload, [version, reload]);
  return (
    <section className="card stack" aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      {!value && <Waiting error={error} />}
      <ol className="timeline">
        {value?.map((entry) => (
          <TimelineRow key={entry.version} entry={entry} />
        ))}
      </ol>
    </section>
  );
};

const TimelineRow = ({ entry }: { readonly entry: Entry }) => {
  const { at, toStatus, version, actor, eventId, flow, flowOutcome, note } = entry;
  return (
    <li>
      <Status of={toStatus} /> <Time at={at} /> <span className="soft">version {version}</span>
      <div className="soft">
        {eventId === null ? (
          `by ${actor.replace(':', ' ')}`
        ) : (
          <a href={`#/events/${encodeURIComponent(eventId)}`}>{eventId}</a>
        )}
        {flow !== null && ` · ${flow}: ${flowOutcome}`}
        {note !== null && ` · ${note}`}
      </div>
    </li>
  );
};
