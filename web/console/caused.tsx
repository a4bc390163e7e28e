import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import { type Loaded, useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import type { Text } from '../ui/words.js';
import { EffectStatus, RetryEffect } from './effect-list.js';
import { type Connection, SLOW_MS } from './list.js';
import { EffectsDocument, OutgoingDeliveriesDocument } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

/** So many are shown; the list has all. */
const MOST = 10;

/** What a payment or a recurring payment brought about outside of the database: effects of its flows, and what other systems were told. */
export const Caused = ({ of }: { readonly of: string }) => {
  const may = useMay();
  return (
    <>
      {may('EVENT_READ') && <Effects of={of} />}
      {may('OUTGOING_WEBHOOK_MANAGE') && <Messages of={of} />}
    </>
  );
};

const Effects = ({ of }: { readonly of: string }) => {
  const { request } = useTollgate();
  const t = useT();
  const read = async () => (await request(EffectsDocument, { nodeId: of, first: MOST })).effects;
  const effects = useLoaded(`effects ${of}`, read, { isLive: true, everyMs: SLOW_MS });
  return (
    <Part
      name="Effects"
      rows={effects}
      empty="No effect waits: what its flows asked for is done."
      all={['All its effects', `effects?of=${of}`]}
    >
      {effects.value?.edges.map(({ node }) => (
        <li key={node.id}>
          <span className="grow">{node.name}</span>
          <span className="soft">{`${node.attempts} / ${node.maxAttempts}`}</span>
          <EffectStatus {...node} />
          {node.lastError !== null && <span className="detail soft">{node.lastError}</span>}
          {node.nextAttemptAt !== null && !node.running && (
            <span className="detail soft">
              {t('next attempt')} <Time at={node.nextAttemptAt} />
            </span>
          )}
          <RetryEffect row={node} />
        </li>
      ))}
    </Part>
  );
};

const Messages = ({ of }: { readonly of: string }) => {
  const { request } = useTollgate();
  const read = async () => (await request(OutgoingDeliveriesDocument, { nodeId: of, first: MOST })).outgoingDeliveries;
  const messages = useLoaded(`deliveries ${of}`, read, { isLive: true, everyMs: SLOW_MS });
  return (
    <Part
      name="Messages"
      rows={messages}
      empty="Nobody was told: no endpoint hears of it."
      all={['All its messages', `deliveries?of=${of}`]}
    >
      {messages.value?.edges.map(({ node }) => (
        <li key={node.id}>
          <span className="grow">{node.eventType}</span>
          <Time at={node.createdAt} />
          <Status of={node.status} />
          {node.lastError !== null && <span className="detail soft">{node.lastError}</span>}
        </li>
      ))}
    </Part>
  );
};

const Part = (props: {
  readonly name: Text;
  readonly rows: Loaded<Connection<unknown>>;
  readonly empty: Text;
  readonly all: readonly [name: Text, view: string];
  readonly children: ReactNode;
}) => {
  const { name, rows, empty, all, children } = props;
  const [allName, view] = all;
  const { value, error } = rows;
  const t = useT();
  return (
    <section className="card stack" aria-label={t(name)}>
      <h2>{t(name)}</h2>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {value?.edges.length === 0 && <Empty>{t(empty)}</Empty>}
      {value && value.edges.length > 0 && <ul className="rows">{children}</ul>}
      {value?.pageInfo.hasNextPage && <a href={`#/${view}`}>{t(allName)}</a>}
    </section>
  );
};
