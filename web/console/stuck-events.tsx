import { useT } from '../ui/language.js';
import type { Loaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { EventRows } from './event-rows.js';
import type { EventFieldsFragment } from './operations.js';

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
