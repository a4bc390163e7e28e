import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { Time } from '../ui/time.js';
import type { Text } from '../ui/words.js';
import { SLOW_MS } from './list.js';
import { AttentionDocument, type AttentionQuery } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

/** The server is asked for one row more than are counted. */
const MOST = 20;

interface Waits {
  readonly name: Text;
  /** Where it is put right. */
  readonly view: string;
  readonly count: number;
  readonly by?: string | undefined;
}

/** What a person must decide, each with the view where it is put right. */
const waitingIn = (found: AttentionQuery): readonly Waits[] => {
  const { quarantined, disputes, pastDue, owed, deadEvents, failedRefunds, effects, deadDeliveries } = found;
  const count = (list: { readonly edges: readonly unknown[] } | undefined): number => list?.edges.length ?? 0;
  const dates = disputes?.edges.map(({ node }) => node.evidenceDueBy).filter((date) => date !== null) ?? [];
  const all: readonly Waits[] = [
    { name: 'Money that was set aside', view: 'payments?status=QUARANTINED', count: count(quarantined) },
    {
      ...{ name: 'Disputes that need a response', view: 'disputes?status=NEEDS_RESPONSE', count: count(disputes) },
      by: dates.sort()[0],
    },
    { name: 'Recurring payments past due', view: 'recurring?status=PAST_DUE', count: count(pastDue) },
    { name: 'Flows that are owed', view: 'owed?status=OWED', count: count(owed) },
    { name: 'Events that were given up on', view: 'events?status=DEAD', count: count(deadEvents) },
    { name: 'Effects that were given up on', view: 'effects?status=DEAD', count: count(effects) },
    { name: 'Refunds that failed', view: 'refunds?status=FAILED', count: count(failedRefunds) },
    { name: 'Messages that were given up on', view: 'deliveries?status=DEAD', count: count(deadDeliveries) },
  ];
  return all.filter((waits) => waits.count > 0);
};

/** What waits for a person. */
export const Attention = () => {
  const { request } = useTollgate();
  const may = useMay();
  const t = useT();
  const read = () =>
    request(AttentionDocument, {
      first: MOST + 1,
      disputes: may('DISPUTE_READ'),
      owed: may('PAYMENT_MANAGE'),
      events: may('EVENT_READ'),
      deliveries: may('OUTGOING_WEBHOOK_MANAGE'),
      refunds: may('REFUND_READ_ANY'),
      recurring: may('RECURRING_READ_ANY'),
    });
  const { value, error } = useLoaded('attention', read, { isLive: true, everyMs: SLOW_MS });
  const waiting = value && waitingIn(value);
  return (
    <section className="card" aria-labelledby="attention">
      <h2 id="attention">{t('Needs a person')}</h2>
      {waiting ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {waiting?.length === 0 && !error && <Empty>{t('Nothing waits for a decision.')}</Empty>}
      <ul className="rows">
        {waiting?.map(({ name, view, count, by }) => (
          <li key={name}>
            <a className="grow" href={`#/${view}`}>
              {t(name)}
            </a>
            {by !== undefined && (
              <span className="soft">
                {t('answer by')} <Time at={by} dayOnly />
              </span>
            )}
            <strong>{count > MOST ? t('more than {count}', { count: MOST }) : count}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
};
