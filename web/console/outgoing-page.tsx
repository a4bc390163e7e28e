import { useQueryClient } from '@tanstack/react-query';
import { useLanguage, useT } from '../ui/language.js';
import { readAgain, useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle, useView } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Id } from './copy.js';
import { Deed } from './deed.js';
import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List, SLOW_MS } from './list.js';
import { NodeLink } from './node-link.js';
import {
  type DeliveryFieldsFragment,
  ENUMS,
  OutgoingDeliveriesDocument,
  type OutgoingFieldsFragment,
  OutgoingWebhooksDocument,
  RedeliverDeadDocument,
  RedeliverDocument,
} from './operations.js';
import { AddEndpoint, EndpointDeeds } from './outgoing-deeds.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';
import { useMay } from './viewer.js';

/** Where else changes are told: each endpoint, and the way to another. */
export const OutgoingPage = () => {
  const { request } = useTollgate();
  const t = useT();
  useTitle(t('Outgoing webhooks'));
  const read = async () => (await request(OutgoingWebhooksDocument, {})).outgoingWebhooks;
  const { value, error, reload } = useLoaded('outgoing', read, { everyMs: SLOW_MS });
  return (
    <>
      <h1>{t('Outgoing webhooks')}</h1>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {value?.length === 0 && <Empty>{t('Nothing else is told of changes.')}</Empty>}
      {value?.map((webhook) => (
        <Endpoint key={webhook.id} webhook={webhook} onDone={reload} />
      ))}
      {value && <AddEndpoint onDone={reload} />}
    </>
  );
};

const Endpoint = ({ webhook, onDone }: { readonly webhook: OutgoingFieldsFragment; readonly onDone: () => void }) => {
  const { id, url, eventTypes, enabled, description, endedReason, createdAt } = webhook;
  const t = useT();
  return (
    <section className="card stack" aria-label={url}>
      <div className="heading">
        <h2>
          <a href={`#/deliveries?endpoint=${id}`}>{url}</a>
        </h2>
        <span className={`status ${enabled ? 'good' : 'bad'}`}>{enabled ? t('on') : t('off')}</span>
      </div>
      <p>
        {description} <span className="soft">{eventTypes.join(', ')}</span>
      </p>
      {endedReason !== null && !enabled && <p className="notice bad">{endedReason}</p>}
      <p className="soft">
        <Id>{id}</Id> <Time at={createdAt} />
      </p>
      <EndpointDeeds webhook={webhook} onDone={onDone} />
    </section>
  );
};

const Redeliver = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const loads = useQueryClient();
  const { t } = useLanguage();
  return (
    <Deed
      does={t('Send again')}
      yes={t('Yes, send it again')}
      explains={t('The same message with the same id: a receiver that looks at the id does nothing twice.')}
      asksReason
      run={async ({ reason }) => {
        await request(RedeliverDocument, { input: { id, reason } });
        await readAgain(loads);
        return t('It is sent again, soon.');
      }}
    />
  );
};

const Message = ({ payload }: Pick<DeliveryFieldsFragment, 'payload'>) => {
  const t = useT();
  return (
    <details>
      <summary>{t('What is sent')}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard. */}
      <pre className="payload" tabIndex={0}>
        {JSON.stringify(payload, null, 2)}
      </pre>
    </details>
  );
};

const COLUMNS: readonly Column<DeliveryFieldsFragment>[] = [
  {
    title: 'Message',
    cell: ({ eventType, payload }) => (
      <>
        {eventType}
        <Message payload={payload} />
      </>
    ),
  },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Attempts', isNumber: true, isExtra: true, cell: ({ attempts }) => attempts },
  {
    title: 'Answer',
    isExtra: true,
    cell: ({ lastStatusCode, lastError }) => [lastStatusCode, lastError].filter(Boolean).join(' '),
  },
  {
    title: 'Cause',
    isExtra: true,
    cell: ({ nodeType, nodeId }) => <NodeLink type={nodeType} id={nodeId} />,
  },
  { title: 'Since', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  { title: 'Actions', cell: ({ id }) => <Redeliver id={id} /> },
];

/** The log, the newest first; of one endpoint where the view names it. */
export const DeliveryList = () => {
  const { request } = useTollgate();
  const [view] = useView();
  const t = useT();
  const endpoint = view.get('endpoint');
  return (
    <>
      <a href="#/outgoing">← {t('All endpoints')}</a>
      <List
        title="Messages"
        columns={COLUMNS}
        empty="Nothing was sent yet. A payment that changes, or a test, brings a message."
        filters={
          <>
            <Search name="search" label="Find" />
            <Search name="type" label="Type" hint="payment.updated" />
            <Choice name="status" label="Status" values={ENUMS.DeliveryStatus} />
            <Days />
          </>
        }
        read={async (narrowed, page) =>
          (
            await request(OutgoingDeliveriesDocument, {
              webhookId: narrowed.get('endpoint') ?? undefined,
              search: narrowed.get('search') ?? undefined,
              nodeId: narrowed.get('of'),
              eventType: narrowed.get('type') ?? undefined,
              status: chosen(narrowed, 'status', ENUMS.DeliveryStatus),
              ...momentsOf(narrowed),
              ...page,
            })
          ).outgoingDeliveries
        }
      >
        {view.get('status') === 'DEAD' && endpoint !== null && <RedeliverDead id={endpoint} />}
      </List>
    </>
  );
};

const RedeliverDead = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const may = useMay();
  const loads = useQueryClient();
  const { t, plural } = useLanguage();
  if (!may('OUTGOING_WEBHOOK_MANAGE')) return null;
  return (
    <Deed
      does={t('Send all again')}
      yes={t('Yes, send all again')}
      explains={t('All messages of this endpoint that were given up on are sent once more.')}
      asksReason
      run={async ({ reason }) => {
        const { deliveries } = (await request(RedeliverDeadDocument, { input: { webhookId: id, reason } }))
          .redeliverDead;
        await readAgain(loads);
        return plural(deliveries, '{count} message is sent again.', '{count} messages are sent again.');
      }}
    />
  );
};
