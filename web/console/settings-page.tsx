import type { ReactNode } from 'react';
import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { useWords } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Activation } from './activation.js';
import { Doctor } from './doctor.js';
import { Facts } from './facts.js';
import { Limits } from './limits.js';
import { SLOW_MS } from './list.js';
import { LastEventDocument, PaymentSettingsDocument, type PaymentSettingsQuery } from './operations.js';
import { Accounts, Roles } from './roles.js';
import { useTollgate } from './session.js';
import { SettingsDeeds } from './settings-deeds.js';
import { useMay } from './viewer.js';

type Settings = PaymentSettingsQuery['paymentSettings'];

/** What is set, and the ways to change it. */
export const SettingsPage = () => {
  const may = useMay();
  const { t } = useLanguage();
  useTitle(t('Settings'));
  const rest = (
    <>
      <Links />
      {may('ROLE_MANAGE') && (
        <>
          <Roles />
          <Accounts />
        </>
      )}
    </>
  );
  return (
    <>
      <h1>{t('Settings')}</h1>
      {may('SETTINGS_READ') ? <Installation>{rest}</Installation> : rest}
    </>
  );
};

/** The installation's own settings; what follows comes with them, so that nothing jumps. */
const Installation = ({ children }: { readonly children: ReactNode }) => {
  const { request } = useTollgate();
  const may = useMay();
  const { t } = useLanguage();
  const options = { everyMs: SLOW_MS };
  const { value, error, reload } = useLoaded('settings', () => request(PaymentSettingsDocument, {}), options);
  if (!value) return <Waiting error={error} />;
  const settings = value.paymentSettings;
  return (
    <>
      <section className="stack" aria-labelledby="installation">
        <h2 id="installation">{t('Installation')}</h2>
        <ErrorNotice error={error} />
        <SettingsFacts settings={settings} />
      </section>
      {may('SETTINGS_MANAGE') && <SettingsDeeds settings={settings} onDone={reload} />}
      {may('SETTINGS_MANAGE') && settings.orderTable === null && <Activation onDone={reload} />}
      <Limits />
      {may('SETTINGS_MANAGE') && <Doctor />}
      {children}
    </>
  );
};

const LINKS = [
  ['outgoing', 'Outgoing webhooks', 'OUTGOING_WEBHOOK_MANAGE'],
  ['deliveries', 'Messages', 'OUTGOING_WEBHOOK_MANAGE'],
  ['owed', 'Owed flows', 'PAYMENT_MANAGE'],
  ['effects', 'Effects', 'EVENT_READ'],
  ['audit', 'Who changed what', 'AUDIT_READ'],
] as const;

const Links = () => {
  const may = useMay();
  const { t } = useLanguage();
  return (
    <ul className="row links">
      {LINKS.filter(([, , permission]) => may(permission)).map(([path, name]) => (
        <li key={path}>
          <a href={`#/${path}`}>{t(name)}</a>
        </li>
      ))}
    </ul>
  );
};

const SettingsFacts = ({ settings }: { readonly settings: Settings }) => {
  const { t } = useLanguage();
  const words = useWords();
  const { active, plan, publishableKey, livemode, orderTable, latePaymentPolicy, mismatchPolicy } = settings;
  const setOrNot = (isSet: boolean) => (isSet ? t('set') : t('not set'));
  return (
    <Facts
      facts={[
        ['Payments', active ? t('active') : t('inactive: the plan is too small')],
        ['Plan', plan],
        ['Mode', livemode ? t('live: real money') : t('test')],
        ['Publishable key', publishableKey ?? t('not set')],
        ['Secret key', setOrNot(settings.secretKeySet)],
        ['Webhook secret', setOrNot(settings.webhookSecretSet)],
        ['Last event from Stripe', <LastEvent key="last" />],
        ['Late money', words(latePaymentPolicy)],
        ['Money of another amount', words(mismatchPolicy)],
        ['Order table', orderTable?.table ?? t('not bound')],
        ['Its columns', orderTable !== null && columnsOf(orderTable)],
        ['Bound', orderTable !== null && <Time at={orderTable.boundAt} />],
      ]}
    />
  );
};

/** The best sign of a healthy webhook endpoint: when it heard from Stripe last. */
const LastEvent = () => {
  const { request } = useTollgate();
  const may = useMay();
  const { t } = useLanguage();
  const read = async () =>
    may('EVENT_READ') ? (await request(LastEventDocument, {})).webhookEvents.edges[0]?.node : undefined;
  const { value } = useLoaded('last event', read, { isLive: true, everyMs: SLOW_MS });
  return value ? <Time at={value.receivedAt} /> : t('none');
};

const columnsOf = (table: NonNullable<Settings['orderTable']>): string =>
  [
    `id ${table.idColumn}`,
    table.ownerColumn !== null && `owner ${table.ownerColumn}`,
    table.amountColumn !== null && `amount ${table.amountColumn}`,
    table.currencyColumn !== null && `currency ${table.currencyColumn}`,
  ]
    .filter(Boolean)
    .join(', ');
