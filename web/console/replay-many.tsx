import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLanguage } from '../ui/language.js';
import { readAgain, useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import { Deed } from './deed.js';
import { ReplayEventsDocument, WebhookEventCountDocument, type WebhookEventCountQueryVariables } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

/** Replays all events of the view, after saying how many those are; a step that is repeated does no harm. */
export const ReplayMany = ({ filter }: { readonly filter: WebhookEventCountQueryVariables }) => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const may = useMay();
  const { t, plural } = useLanguage();
  const [done, setDone] = useState<number>();
  const read = async () => (await request(WebhookEventCountDocument, filter)).webhookEventCount;
  const { value: found, error } = useLoaded(`count ${JSON.stringify(filter)}`, read, { isLive: true });
  if (!may('EVENT_REPLAY') || !found || found.count === 0) return <ErrorNotice error={error} />;
  const count = plural(found.count, '{count} event', '{count} events');
  const events = found.isMore ? t('more than {count}', { count }) : count;
  return (
    <Deed
      does={t('Replay all of this view')}
      yes={t('Yes, replay {events}', { events })}
      explains={
        done === undefined
          ? t(
              '{events} are applied once more, in the order in which they came. What they have changed already stays.',
              {
                events,
              },
            )
          : t('{count} done …', { count: done })
      }
      of={JSON.stringify(filter)}
      asksReason
      run={async ({ reason }) => {
        const receivedTo = filter.receivedTo ?? new Date().toISOString(); // what comes meanwhile is not taken too
        let [replayed, failed] = [0, 0];
        for (let after: string | null | undefined; after !== null; ) {
          const input = { ...filter, receivedTo, after, reason };
          const { replayEvents: step } = await request(ReplayEventsDocument, { input }, { isRepeatable: true });
          replayed += step.replayed;
          failed += step.failed.length;
          after = step.next;
          setDone(replayed);
        }
        setDone(undefined);
        await readAgain(loads);
        return `${plural(replayed, '{count} event replayed', '{count} events replayed')}, ${t('{count} failed', { count: failed })}.`;
      }}
    />
  );
};
