import { useLanguage } from '../ui/language.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import type { EventFieldsFragment } from './operations.js';

/** Events in a list, each with a way into it. */
export const EventRows = (props: { readonly events: readonly EventFieldsFragment[]; readonly label: string }) => {
  const { plural } = useLanguage();
  return (
    <ul className="rows" aria-label={props.label}>
      {props.events.map(({ id, type, status, attempts, lastError, reason, receivedAt }) => (
        <li key={id}>
          <a className="grow" href={`#/events/${encodeURIComponent(id)}`}>
            {type}
          </a>
          <span className="soft">
            <Time at={receivedAt} />
          </span>
          <Status of={status} />
          {(lastError ?? reason) !== null && (
            <span className="soft detail">
              {attempts > 1 ? `${plural(attempts, '{count} attempt', '{count} attempts')}: ` : ''}
              {lastError ?? reason}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
};
