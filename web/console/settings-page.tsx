import { type Loaded, useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Facts } from './facts.js';
import {
  OutgoingWebhooksDocument,
  type OutgoingWebhooksQuery,
  PaymentSettingsDocument,
  type PaymentSettingsQuery,
  RolesDocument,
  type RolesQuery,
} from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

const EVERY_MS = 10_000;

/** What is set, by whom it may be changed, and with which command. */
export const SettingsPage = () => {
  const { request } = useTollgate();
  const may = useMay();
  useTitle('Settings');
  const settings = useLoaded('settings', () => request(PaymentSettingsDocument, {}), EVERY_MS);
  return (
    <>
      <h1>Settings</h1>
      <Settings settings={settings} />
      {may('ROLE_MANAGE') && <Roles />}
      {may('OUTGOING_WEBHOOK_MANAGE') && <Outgoing />}
      {may('AUDIT_READ') && (
        <p>
          <a href="#/audit">Who changed what</a>
        </p>
      )}
    </>
  );
};

const yesNo = (isSet: boolean, command: string) => (isSet ? 'set' : <>not set: {command}</>);

const Settings = ({ settings: { value, error } }: { readonly settings: Loaded<PaymentSettingsQuery> }) => {
  if (!value) return <Waiting error={error} />;
  const {
    active,
    plan,
    publishableKey,
    secretKeySet,
    webhookSecretSet,
    livemode,
    orderTable,
    latePaymentPolicy,
    mismatchPolicy,
  } = value.paymentSettings;
  return (
    <section className="stack" aria-labelledby="installation">
      <h2 id="installation">Installation</h2>
      <ErrorNotice error={error} />
      <Facts
        facts={[
          ['Payments', active ? 'active' : 'inactive: npx tollgate plan PRO'],
          ['Plan', plan],
          ['Mode', livemode ? 'live: real money' : 'test'],
          ['Publishable key', publishableKey ?? 'not set: npx tollgate configure'],
          ['Secret key', yesNo(secretKeySet, 'npx tollgate configure')],
          ['Webhook secret', yesNo(webhookSecretSet, 'npx tollgate webhook register')],
          ['Late money', latePaymentPolicy],
          ['Money of another amount', mismatchPolicy],
          ['Order table', orderTable?.table ?? 'not bound: npx tollgate activate'],
          ['Its columns', orderTable != null && columnsOf(orderTable)],
          ['Bound', orderTable != null && <Time at={orderTable.boundAt} />],
        ]}
      />
    </section>
  );
};

const columnsOf = (table: NonNullable<PaymentSettingsQuery['paymentSettings']['orderTable']>): string =>
  [
    `id ${table.idColumn}`,
    table.ownerColumn !== null && `owner ${table.ownerColumn}`,
    table.amountColumn !== null && `amount ${table.amountColumn}`,
    table.currencyColumn !== null && `currency ${table.currencyColumn}`,
  ]
    .filter(Boolean)
    .join(', ');

const Roles = () => {
  const { request } = useTollgate();
  const { value, error } = useLoaded<RolesQuery>('roles', () => request(RolesDocument, {}), EVERY_MS);
  return (
    <section className="card stack" aria-labelledby="roles">
      <h2 id="roles">Roles</h2>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      <ul className="rows">
        {value?.roles.map(({ name, permissions }) => (
          <li key={name}>
            <strong className="grow">{name}</strong>
            <span className="detail soft">{permissions.join(' ')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
};

const Outgoing = () => {
  const { request } = useTollgate();
  const { value, error } = useLoaded<OutgoingWebhooksQuery>(
    'outgoing',
    () => request(OutgoingWebhooksDocument, {}),
    EVERY_MS,
  );
  return (
    <section className="card stack" aria-labelledby="outgoing">
      <h2 id="outgoing">Outgoing webhooks</h2>
      {value ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {value?.outgoingWebhooks.length === 0 && (
        <Empty>Nothing else is told of changes: npx tollgate outgoing add</Empty>
      )}
      <ul className="rows">
        {value?.outgoingWebhooks.map(({ id, url, eventTypes, enabled, endedReason, deliveries }) => (
          <li key={id}>
            <strong className="grow">{url}</strong>
            <span className="soft">{enabled ? 'on' : (endedReason ?? 'off')}</span>
            <span className="detail soft">{eventTypes.join(', ')}</span>
            {deliveries.edges.map(({ node }) => (
              <span key={node.id} className="detail">
                {node.eventType} <Status of={node.status} /> <Time at={node.createdAt} />{' '}
                <span className="soft">{node.lastError ?? ''}</span>
              </span>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
};
