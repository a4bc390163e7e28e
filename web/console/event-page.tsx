import { Fragment, useState } from 'react';
import { useAction } from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { NotFound } from './not-found.js';
import { type EventFieldsFragment, ReplayEventDocument, WebhookEventDocument } from './operations.js';
import { useTollgate } from './session.js';

/** A long type may be broken after each part. */
const PART = /[^._]*[._]|[^._]+/g;

/** What a replay came to. */
const replayedInWords = ({ status, reason, lastError }: EventFieldsFragment): string => {
  if (status === 'PROCESSED') return 'Replayed: it is applied. What it had changed before was not changed twice.';
  if (status === 'IGNORED') return `Replayed: it changes nothing here. ${reason ?? ''}`;
  return `Replayed: it failed once more. ${lastError ?? ''}`;
};

/** One event: how it ended, what it said, and the way to run it again. */
export const EventPage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const read = async () => (await request(WebhookEventDocument, { id })).webhookEvent;
  const { value: event, error, reload } = useLoaded(id, read, 4_000);
  const [answer, setAnswer] = useState<string>();
  const replay = useAction(async () => {
    setAnswer(undefined);
    const { replayEvent } = await request(ReplayEventDocument, { input: { id } });
    setAnswer(replayedInWords(replayEvent.event));
    reload();
  });
  useTitle(`Event ${id}`);
  if (event === undefined) return <Waiting error={error} />;
  if (event === null) return <NotFound what={`event ${id}`} back="events" />;
  return (
    <>
      <header className="stack tight">
        <a href="#/events">← All events</a>
        <h1>
          {[...event.type.matchAll(PART)].map(({ 0: part, index }) => (
            <Fragment key={index}>
              {part}
              <wbr />
            </Fragment>
          ))}{' '}
          <Status of={event.status} />
        </h1>
        <p className="lead">
          <code>{event.id}</code>, received <Time at={event.receivedAt} />
        </p>
      </header>
      <section className="card stack" aria-labelledby="outcome">
        <h2 id="outcome">Outcome</h2>
        <p>
          {event.attempts} {event.attempts === 1 ? 'attempt' : 'attempts'}
          {event.processedAt !== null && (
            <>
              , done <Time at={event.processedAt} />
            </>
          )}
          . {event.reason}
        </p>
        {event.lastError !== null && <pre className="notice bad">{event.lastError}</pre>}
        <button type="button" disabled={replay.busy} onClick={replay.run}>
          {replay.busy ? 'Replaying …' : 'Replay this event'}
        </button>
        {answer !== undefined && (
          <p className="notice good" role="status">
            {answer}
          </p>
        )}
        <ErrorNotice error={replay.error ?? error} />
      </section>
      <section className="card stack" aria-labelledby="payload">
        <h2 id="payload">Payload</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard. */}
        <pre className="payload" tabIndex={0}>
          {JSON.stringify(event.payload, null, 2)}
        </pre>
      </section>
    </>
  );
};
