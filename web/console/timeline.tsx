import { useT } from '../ui/language.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import type { TimelineFieldsFragment } from './operations.js';
import { RawEvent } from './raw-event.js';

/** All that happened to a row: when, by whom or by which event, and which flow ran. */
export const Timeline = ({ entries }: { readonly entries: readonly TimelineFieldsFragment[] }) => {
  const t = useT();
  return (
    <section className="card stack" aria-labelledby="timeline">
      <h2 id="timeline">{t('Timeline')}</h2>
      <ol className="timeline">
        {entries.map((entry) => (
          <TimelineRow key={`${entry.version} ${entry.at} ${entry.toStatus}`} entry={entry} />
        ))}
      </ol>
    </section>
  );
};

const TimelineRow = ({ entry }: { readonly entry: TimelineFieldsFragment }) => {
  const { at, fromStatus, toStatus, version, actor, eventId, flow, flowOutcome, note } = entry;
  const t = useT();
  return (
    <li>
      {fromStatus !== null && fromStatus !== toStatus && (
        <>
          <Status of={fromStatus} /> →{' '}
        </>
      )}
      <Status of={toStatus} /> <Time at={at} /> <span className="soft">{t('version {version}', { version })}</span>
      <div className="soft">
        {eventId === null ? (
          t('by {actor}', { actor: actor.replace(':', ' ') })
        ) : (
          <a href={`#/events/${encodeURIComponent(eventId)}`}>{eventId}</a>
        )}
        {flow !== null && ` · ${flow}: ${flowOutcome}`}
        {note !== null && ` · ${note}`}
      </div>
      {eventId !== null && <RawEvent id={eventId} />}
    </li>
  );
};
