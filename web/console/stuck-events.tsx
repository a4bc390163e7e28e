import type { Request } from 'tollgate-client';
import { useT } from '../ui/language.js';
import type { Loaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { EventRows } from './event-rows.js';
import { type EventFieldsFragment, StuckEventsDocument } from './operations.js';

/** An event that was just received is on its way, not stuck. */
const PATIENCE_MS = 60_000;

/** Events that were given up on, that fail, or that wait too long. */
export const readStuckEvents = async (request: Request): Promise<readonly EventFieldsFragment[]> => {
  const { dead, failed, received } = await request(StuckEventsDocument, {});
  const waiting = received.edges.filter(({ node }) => Date.now() - Date.parse(node.receivedAt) > PATIENCE_MS);
  return [...dead.edges, ...failed.edges, ...waiting].map(({ node }) => node);
};

/** What is stuck, with a way into each. */
export const StuckEvents = ({ stuck }: { readonly stuck: Loaded<readonly EventFieldsFragment[] | undefined> }) => {
  const t = useT();
  return (
    <section className="card" aria-labelledby="stuck">
      <h2 id="stuck">{t('Stuck events')}</h2>
      {stuck.value ? <ErrorNotice error={stuck.error} /> : <Waiting error={stuck.error} />}
      {stuck.value?.length === 0 && !stuck.error && (
        <Empty>{t('No event is stuck. What Stripe said has been applied.')}</Empty>
      )}
      {stuck.value && stuck.value.length > 0 && <EventRows events={stuck.value} label={t('Stuck events')} />}
    </section>
  );
};
