import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Breakable } from './breakable.js';
import { Id } from './copy.js';
import { Deed } from './deed.js';
import { SLOW_MS } from './list.js';
import { NotFound } from './not-found.js';
import { type EventFieldsFragment, ReplayEventDocument, WebhookEventDocument } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

/** One event: how it ended, what it said, and the way to run it again. */
export const EventPage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const { t, plural } = useLanguage();
  const read = async () => (await request(WebhookEventDocument, { id })).webhookEvent;
  const { value: event, error, reload } = useLoaded(`event ${id}`, read, { isLive: true, everyMs: SLOW_MS });
  useTitle(t('Event {id}', { id }));
  if (event === undefined) return <Waiting error={error} />;
  if (event === null) return <NotFound what={t('There is no event {id}.', { id })} back="events" />;
  return (
    <>
      <header className="stack tight">
        <a href="#/events">← {t('All events')}</a>
        <h1>
          <Breakable>{event.type}</Breakable> <Status of={event.status} />
        </h1>
        <p className="lead">
          <Id>{event.id}</Id> {t('received')} <Time at={event.receivedAt} />
        </p>
      </header>
      <section className="card stack" aria-labelledby="outcome">
        <h2 id="outcome">{t('Outcome')}</h2>
        <p>
          {plural(event.attempts, '{count} attempt', '{count} attempts')}
          {event.processedAt !== null && (
            <>
              , {t('done')} <Time at={event.processedAt} />
            </>
          )}
          . {event.reason}
        </p>
        {event.lastError !== null && <pre className="notice bad">{event.lastError}</pre>}
        <ReplayDeed id={id} onDone={reload} />
        <ErrorNotice error={error} />
      </section>
      <section className="card stack" aria-labelledby="payload">
        <h2 id="payload">{t('Payload')}</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard. */}
        <pre className="payload" tabIndex={0}>
          {JSON.stringify(event.payload, null, 2)}
        </pre>
      </section>
    </>
  );
};

const ReplayDeed = ({ id, onDone }: { readonly id: string; readonly onDone: () => void }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const may = useMay();
  if (!may('EVENT_REPLAY')) return null;
  /** What a replay came to. */
  const inWords = ({ status, reason, lastError }: EventFieldsFragment): string => {
    if (status === 'PROCESSED') return t('Replayed: it is applied. What it had changed before was not changed twice.');
    if (status === 'IGNORED') return `${t('Replayed: it changes nothing here.')} ${reason ?? ''}`;
    return `${t('Replayed: it failed once more.')} ${lastError ?? ''}`;
  };
  return (
    <Deed
      does={t('Replay this event')}
      yes={t('Yes, replay it')}
      explains={t(
        'It is applied once more, as if Stripe had sent it again. What it has changed already stays as it is.',
      )}
      asksReason
      run={async ({ reason }) => {
        const { replayEvent } = await request(ReplayEventDocument, { input: { id, reason } });
        onDone();
        return inWords(replayEvent.event);
      }}
    />
  );
};
